import type { Waiver } from '../impact.js';
import { findComments, type SqlComment } from '../sql-scanner.js';
import { lineAt } from '../text-place.js';
import { isPolicyName, similarPolicyNames } from './policy.js';

/** Where a statement is in the text that was split. */
export interface StatementPlace {
  readonly start: number;
  readonly end: number;
}

export interface ReadWaivers {
  /** For each statement, in the order of the statements. */
  readonly waivers: readonly (readonly Waiver[])[];
  /** Waivers that hold for nothing, and why. */
  readonly notes: readonly string[];
}

interface Origin {
  readonly file: string;
  /** Of the file, on which the text begins. */
  readonly line?: number;
}

const mark = /^[\s*]*belay:allow(-file)?\b(?!-)[ \t]*(.*)$/gm;
const howToWrite = 'Write `-- belay:allow RULE: REASON`';

interface Found {
  readonly index: number;
  readonly waivers: readonly Waiver[];
  readonly forFile: boolean;
}

/**
 * Reads what comments allow: `-- belay:allow RULE[, RULE…]: REASON` before or within a statement, or after it on its last line;
 * `-- belay:allow-file …` for all statements of the file.
 *
 * @param statements their places in the text, as the parser has them
 * @example
 * readWaivers(sql, await splitStatements(sql), { file: 'up.sql' }).waivers[0];
 * // [{ rule: 'drop-table', reason: 'empty since 2024', line: 1 }]
 */
export function readWaivers(
  sql: string,
  statements: readonly StatementPlace[],
  origin: Origin,
): ReadWaivers {
  const waivers: Waiver[][] = statements.map(() => []);
  if (!sql.includes('belay:allow')) return { waivers, notes: [] };
  const notes: string[] = [];
  for (const comment of findComments(sql)) {
    for (const found of waiversIn(comment, sql, { origin, notes })) {
      const at = found.forFile ? -1 : statementOf(found.index, sql, statements);
      if (at === undefined) {
        const { line, rule } = found.waivers[0] ?? { line: 0, rule: '' };
        notes.push(
          `${origin.file}, line ${line}: belay:allow ${rule} stands after the last statement`,
        );
        continue;
      }
      const those = found.forFile ? waivers : [waivers[at] ?? []];
      for (const one of those) one.push(...found.waivers);
    }
  }
  return { waivers, notes };
}

function* waiversIn(
  { start, end }: SqlComment,
  sql: string,
  { origin, notes }: { readonly origin: Origin; readonly notes: string[] },
): Generator<Found> {
  const text = sql.slice(start + 2, sql.startsWith('/*', start) ? end - 2 : end);
  for (const match of text.matchAll(mark)) {
    const index = start + 2 + match.index + match[0].indexOf('belay:');
    const line = lineAt(sql, index, origin.line ?? 1);
    const forFile = match[1] !== undefined;
    const say = (what: string) => notes.push(`${origin.file}, line ${line}: ${what}`);
    const [, names = '', reason = ''] = /^([^:]*)(?::(.*))?$/s.exec(match[2] ?? '') ?? [];
    const rules = names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '');
    if (rules.length === 0) say(`belay:allow names no rule. ${howToWrite}.`);
    else if (reason.trim() === '') {
      say(`belay:allow ${rules.join(', ')} has no reason, and allows nothing. ${howToWrite}.`);
    } else {
      const known = rules.filter((rule) => isPolicyName(rule) || sayUnknown(rule, say));
      const waivers = known.map((rule) => ({
        ...{ rule, reason: reason.trim(), line },
        ...(forFile ? { forFile } : {}),
      }));
      if (waivers.length > 0) yield { index, waivers, forFile };
    }
  }
}

function sayUnknown(rule: string, say: (what: string) => void): false {
  const similar = similarPolicyNames(rule);
  const like = similar.length === 0 ? '' : `; there is ${similar.join(', ')}`;
  say(`belay:allow ${rule}: there is no such rule${like}`);
  return false;
}

/** The statement that it stands in or before; one that ends on the comment's line, where that is before it. */
function statementOf(
  index: number,
  sql: string,
  statements: readonly StatementPlace[],
): number | undefined {
  const next = statements.findIndex(({ end }) => end > index);
  const before = (next < 0 ? statements.length : next) - 1;
  const end = statements[before]?.end;
  const isBehind = end !== undefined && !sql.slice(end, index).includes('\n');
  const isWithin = next >= 0 && (statements[next]?.start ?? 0) < index;
  if (isBehind && !isWithin) return before;
  return next < 0 ? undefined : next;
}
