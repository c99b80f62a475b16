import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { MigrationScript } from '../../domain/migration.js';
import type { IncludePart } from '../../domain/psql/psql-parts.js';
import { readPsqlScript } from '../../domain/psql/psql-script.js';
import { BelayError } from '../../errors.js';
import { readSqlFile } from './decode-sql.js';

/** Something in a file that could not be looked at, and may change data: no plan with it is safe. */
export interface UnseenPart {
  readonly file: string;
  readonly line: number;
  /** For people. */
  readonly text: string;
}

/** Data of `COPY … FROM stdin` in a file. */
export interface CopiedRows {
  readonly file: string;
  /** Line on which the statement ends. */
  readonly line: number;
  readonly rows: number;
}

export interface ExpandedScript<Script extends MigrationScript> {
  /** SQL alone, in the order in which psql would run it, each with the file and line that it comes from. */
  readonly scripts: readonly Script[];
  readonly notes: readonly string[];
  readonly unseen: readonly UnseenPart[];
  readonly copies: readonly CopiedRows[];
  /** The data of `copies`, of each file in its order. */
  readonly data: readonly CopiedText[];
  /** What psql alone can run. */
  readonly needsPsql: readonly UnseenPart[];
  /** Files that are written for psql: which runs statement by statement, not in one transaction. */
  readonly forPsql: readonly string[];
}

/** What follows a `COPY … FROM stdin` in a file. */
export interface CopiedText {
  readonly file: string;
  readonly text: string;
}

export interface ExpandOptions {
  readonly cwd: string;
  /** Variables of psql, as `-v name=value` sets them. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** A file that includes itself over others ends somewhere. */
const mostDepth = 20;

/**
 * Makes plain SQL of a script for psql: its commands are followed or taken out, the data of COPY is counted and taken out. A script
 * of plain SQL comes back as it is.
 * @throws BelayError BAD_MIGRATION with file and line: `\connect`, files that are not there or include themselves
 */
export async function expandScript<Script extends MigrationScript>(
  script: Script,
  options: ExpandOptions,
): Promise<ExpandedScript<Script>> {
  const expander = new Expander<Script>(options);
  await expander.expand(script, []);
  return expander;
}

class Expander<Script extends MigrationScript> implements ExpandedScript<Script> {
  readonly scripts: Script[] = [];
  readonly notes: string[] = [];
  readonly unseen: UnseenPart[] = [];
  readonly copies: CopiedRows[] = [];
  readonly data: CopiedText[] = [];
  readonly needsPsql: UnseenPart[] = [];
  readonly forPsql: string[] = [];
  readonly #cwd: string;
  readonly #variables: Map<string, string>;
  #root: string | undefined;

  constructor({ cwd, variables = {} }: ExpandOptions) {
    this.#cwd = cwd;
    this.#variables = new Map(Object.entries(variables));
  }

  async expand(script: Script, parents: readonly string[]): Promise<void> {
    const { file, line } = script;
    const { parts, notes, copies, data, needsPsql, leaves } = readPsqlScript(script.sql, {
      ...{ line, variables: this.#variables },
    });
    const [first] = parts;
    const isPlain = parts.length <= 1 && (first?.kind === 'sql' ? first.sql : '') === script.sql;
    if (!isPlain || parents.length > 0) this.forPsql.push(file);
    this.data.push(...data.map((text) => ({ file, text })));
    this.needsPsql.push(...needsPsql.map((one) => ({ file, ...one })));
    for (const note of notes) this.#note(file, note);
    this.copies.push(...copies.map((one) => ({ file, ...one })));
    for (const part of parts) {
      if (part.kind === 'sql') this.scripts.push({ ...script, sql: part.sql, line: part.line });
      else await this.#include(part, script, [...parents, await this.#real(file)]);
    }
    if (leaves) {
      throw bad(script, leaves.line, `"${leaves.text}" leads to another database`, {
        hint: 'A plan is for one database. Put what belongs to the other one into a file of its own.',
      });
    }
  }

  #note(
    file: string,
    { line, text, isUnseen }: { line: number; text: string; isUnseen: boolean },
  ): void {
    if (isUnseen) this.unseen.push({ file, line, text });
    else this.notes.push(`${file}, line ${line}: ${text}`);
  }

  async #include(part: IncludePart, script: Script, parents: readonly string[]): Promise<void> {
    const { line } = part;
    const found = await this.#find(part, script.file);
    const shown = `${part.isRelative ? '\\ir' : '\\i'} ${part.path}`;
    if (!found) throw bad(script, line, `${shown}: there is no such file`);
    if (!(await this.#isInside(found, parents[0] ?? ''))) {
      const text = `${shown} lies outside of the project and was not read`;
      this.#note(script.file, { line, text, isUnseen: true });
      this.needsPsql.push({ file: script.file, line, text });
      return;
    }
    if (parents.includes(found) || parents.length > mostDepth) {
      throw bad(script, line, `${shown}: the file includes itself`);
    }
    const file = nameOf(this.#cwd, found);
    const sql = await readSqlFile(this.#cwd, found);
    await this.expand({ ...script, file, sql, line: 1 }, parents);
  }

  /** psql starts `\i` from the folder that it runs in; many write it from the file's. */
  async #find({ path: name, isRelative }: IncludePart, file: string): Promise<string | undefined> {
    const beside = path.dirname(path.resolve(this.#cwd, file));
    for (const folder of isRelative ? [beside] : [this.#cwd, beside]) {
      const found = await realpath(path.resolve(folder, name)).catch(() => undefined);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #isInside(found: string, first: string): Promise<boolean> {
    this.#root ??= await realpath(this.#cwd);
    return [this.#root, path.dirname(first)].some((folder) => {
      const inside = path.relative(folder, found);
      return inside !== '' && !inside.startsWith('..') && !path.isAbsolute(inside);
    });
  }

  async #real(file: string): Promise<string> {
    const at = path.resolve(this.#cwd, file);
    return realpath(at).catch(() => at);
  }
}

function nameOf(cwd: string, file: string): string {
  const inside = path.relative(cwd, file);
  const isOutside = inside.startsWith('..') || path.isAbsolute(inside);
  return (isOutside ? file : inside).replaceAll(path.sep, '/');
}

function bad(
  { file }: MigrationScript,
  line: number,
  what: string,
  { hint = 'Correct the line, or take it out.' } = {},
): BelayError {
  return new BelayError('BAD_MIGRATION', `${file}, line ${line}: ${what}`, {
    hint,
    details: { file, line },
  });
}
