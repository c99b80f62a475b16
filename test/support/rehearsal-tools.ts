import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import type { Rehearsal, RehearsedTable } from '../../src/domain/rehearsal.js';
import { runProgram } from '../../src/process/run.js';
import { callCli } from './call-cli.js';
import { differencesOf } from './rehearsal-differences.js';
import { bruteForce, type CopiedDatabase, withCopy } from './rehearsal-scene.js';
import { readState } from './rehearsal-state.js';
import { cleanEnvironment, type TestServer } from './servers.js';
import { databasesOf, run } from './targets.js';
import { makeTempFolder } from './temp-folder.js';

/** A project that migrates with a tool of its own, and what is in its database when its last migration comes. */
export interface ToolProject {
  /** With its first migrations; they are applied by the tool itself. */
  readonly files: Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
  /** Rows, as they are after the first migrations. */
  readonly seed: string;
  /** Files of the last migration. */
  readonly last: Readonly<Record<string, string>>;
  /** The address as the tool wants it. */
  readonly urlOf?: (url: string) => string;
}

export interface ToolScene {
  readonly folder: string;
  readonly url: string;
  write(files: Readonly<Record<string, string>>): void;
  /** `belay rehearse --json … -- COMMAND`. */
  rehearse(
    options?: readonly string[],
  ): Promise<{ exitCode: number | null; stderr: string; rehearsal: Rehearsal }>;
  /** Belay in the project. */
  belay(args: readonly string[]): ReturnType<typeof callCli>;
  /** The command itself, on the real database. @returns its exit code */
  migrate(): Promise<number | null>;
  /** Fails where anything of the real database, or the databases of the server, are others than when the scene began. */
  expectUntouched(): Promise<void>;
  /** Fails where the real database went another way than the rehearsal said, by reading all of before and after. */
  expectFulfilled(rehearsal: Rehearsal): Promise<void>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The program of a package of this repository, run by this Node. */
export function nodeProgram(file: string, ...args: string[]): [string, ...string[]] {
  return [process.execPath, join(root, 'node_modules', file), ...args];
}

/** A script in TypeScript, which may use what the tests have. */
export function nodeScript(file: string): [string, ...string[]] {
  const loader = createRequire(import.meta.url).resolve('tsx');
  return [process.execPath, '--import', pathToFileURL(loader).href, file];
}

export const testFile = (path: string) => join(root, 'test', path);

function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o755 });
  }
}

/** A project in a folder of its own, whose tools are those of this repository. */
export function makeProject(files: Readonly<Record<string, string>>): string {
  const folder = makeTempFolder(files);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Migrates and fills a database, and writes the last migration, which has not run when `work` begins. */
export async function withTool(
  server: TestServer,
  project: ToolProject,
  work: (scene: ToolScene) => Promise<void>,
): Promise<void> {
  const { command, urlOf = (url: string) => url } = project;
  const folder = makeProject(project.files);
  const migrate = (url: string) =>
    runProgram(command[0], command.slice(1), {
      ...{ cwd: folder, env: { ...cleanEnvironment(), DATABASE_URL: urlOf(url) } },
    });
  const prepare = async (url: string) => {
    const { exitCode, stderr, stdout } = await migrate(url);
    expect(exitCode, stdout + stderr).toBe(0);
    await run(url, project.seed);
    writeFiles(folder, project.last);
  };
  // What the copy keeps is the state before: the command runs on the database itself in the end.
  await withCopy(server, prepare, async (database) => {
    const scene = { folder, server, database, command, migrate, urlOf };
    await work(await beginScene(scene));
  });
}

interface Beginning {
  readonly folder: string;
  readonly server: TestServer;
  readonly database: CopiedDatabase;
  readonly command: readonly [string, ...string[]];
  readonly urlOf: (url: string) => string;
  readonly migrate: (url: string) => Promise<{ exitCode: number | null }>;
}

async function beginScene(beginning: Beginning): Promise<ToolScene> {
  const { folder, server, database, command, urlOf, migrate } = beginning;
  const { url } = database;
  const databases = await databasesOf(server, database.name);
  const { url: _, ...before } = await readState(url);
  const env = { DATABASE_URL: urlOf(url), BELAY_STORE: join(folder, 'store') };
  const belay = (args: readonly string[]) => callCli(args, { cwd: folder, env });
  return {
    ...{ folder, url, belay },
    write: (files) => writeFiles(folder, files),
    rehearse: async (options = []) => {
      const called = await belay(['rehearse', '--json', ...options, '--', ...command]);
      expect(called.stdout, called.stderr).not.toBe('');
      return { ...called, rehearsal: called.json as Rehearsal };
    },
    migrate: async () => (await migrate(url)).exitCode,
    expectUntouched: async () => {
      const { url: _, ...after } = await readState(url);
      expect(after).toEqual(before);
      expect(await databasesOf(server, database.name)).toEqual(databases);
    },
    expectFulfilled: async (rehearsal) => {
      const expected = await bruteForce({ before: database.copyUrl, after: url });
      expect(differencesOf(rehearsal, expected)).toEqual([]);
    },
  };
}

/** What a rehearsal says of each table, without what is nothing: for comparing with what a fixture is known to do. */
export function lossesOf({ tables }: Rehearsal) {
  return Object.fromEntries(
    tables.map((table) => [table.table, { change: table.change, ...countsOf(table) }]),
  );
}

const counts = [
  'rowsInserted',
  'rowsDeleted',
  'rowsUpdated',
  'valuesLost',
  'valuesChanged',
] as const;

function countsOf(table: RehearsedTable) {
  const some = counts.filter((what) => table[what] !== 0).map((what) => [what, table[what]]);
  return { ...Object.fromEntries(some), columns: table.columns.map(columnText) };
}

/** e.g. "phone dropped, 6 lost". */
function columnText(column: RehearsedTable['columns'][number]): string {
  const name = column.renamedTo === null ? column.column : `${column.column} → ${column.renamedTo}`;
  const words = [
    ...(column.valuesLost ? [`${column.valuesLost} lost`] : []),
    ...(column.valuesChanged ? [`${column.valuesChanged} changed`] : []),
    ...(column.valuesSet ? [`${column.valuesSet} set`] : []),
  ];
  return [`${name} ${column.change}`, ...words].join(', ');
}
