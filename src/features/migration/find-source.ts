import path from 'node:path';
import type { BelayConfig } from '../../config/config.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import { detectMigrationTools, type MigrationTool } from '../project/detect-migration-tool.js';
import { migrationTools } from '../project/migration-tools.js';
import { projectPath } from '../project/project-files.js';
import { openDbmate } from './tools/dbmate.js';
import { openDrizzle } from './tools/drizzle.js';
import { openFlyway } from './tools/flyway.js';
import { openKnex } from './tools/knex.js';
import { openNodePgMigrate } from './tools/node-pg-migrate.js';
import { openPrisma } from './tools/prisma.js';
import type { OpenTool, ToolMigrationSource } from './tools/tool-source.js';

interface Reader {
  readonly open: OpenTool;
  /** Where the tool looks for migrations if nobody tells it. */
  readonly usual: string | null;
}

const readers: ReadonlyMap<string, Reader> = new Map([
  ['prisma', { open: openPrisma, usual: 'prisma/migrations' }],
  ['drizzle', { open: openDrizzle, usual: 'drizzle' }],
  ['knex', { open: openKnex, usual: 'migrations' }],
  ['node-pg-migrate', { open: openNodePgMigrate, usual: 'migrations' }],
  ['dbmate', { open: openDbmate, usual: 'db/migrations' }],
  ['flyway', { open: openFlyway, usual: null }],
]);

/** Tools whose files Belay's own runner applies. */
const ownTools = ['belay', 'sql', 'golang-migrate'];

/** Tools that are known by their files, and whose record Belay cannot read. */
export const toolsWithoutReader: readonly string[] = migrationTools
  .map(([tool]) => tool)
  .filter((tool) => !readers.has(tool) && !ownTools.includes(tool));

export interface FindSourceOptions {
  /** The project's folder, from which the config's directory starts. */
  readonly cwd: string;
  /** What `belay.config.json` says. */
  readonly config?: BelayConfig['migrations'] | undefined;
  /** In the project's database: tells which of several tools is in use, and where it has its table. */
  readonly session?: Session | undefined;
  /** For tools that are configured by variables. Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Finds the tool that applies a project's migrations: the one that the config names, else the one whose table is in the
 * database, else the surest by the project's files.
 *
 * @example
 * const source = await findMigrationSource({ cwd: '.', session });
 * const applied = await source?.readApplied(session);
 * @returns null where Belay's own runner applies them (as it does with dbmate's files in a database in which dbmate has
 *   no table), or a tool of {@link toolsWithoutReader}, or none
 * @throws BelayError BAD_CONFIG where the config names no tool that Belay knows
 */
export async function findMigrationSource(
  options: FindSourceOptions,
): Promise<ToolMigrationSource | null> {
  const { session } = options;
  const sources: (ToolMigrationSource | null)[] = [];
  // One after another: a session runs one query at a time.
  for (const tool of await candidates(options)) {
    const source = await openSource(tool, options);
    if (session && source && (await source.hasRecord(session))) return source;
    sources.push(source);
  }
  const first = sources[0] ?? null;
  return first?.tool === 'dbmate' ? null : first;
}

async function candidates({ cwd, config }: FindSourceOptions): Promise<readonly MigrationTool[]> {
  const { tool, directory } = config ?? {};
  if (tool === undefined) return detectMigrationTools(cwd);
  const known = [...readers.keys(), ...ownTools, ...toolsWithoutReader];
  if (!known.includes(tool)) {
    throw new BelayError('BAD_CONFIG', `"${tool}" is no migration tool that Belay knows`, {
      hint: `Name one of ${known.join(', ')} as "migrations.tool" in belay.config.json.`,
      details: { key: 'migrations.tool', expected: known },
    });
  }
  if (directory !== undefined) return [{ tool, directory: projectPath('.', directory) }];
  const found = await detectMigrationTools(cwd);
  return [
    found.find((one) => one.tool === tool) ?? { tool, directory: readers.get(tool)?.usual ?? null },
  ];
}

async function openSource(
  { tool, directory }: MigrationTool,
  { cwd, session, env = process.env }: FindSourceOptions,
): Promise<ToolMigrationSource | null> {
  const reader = readers.get(tool);
  return reader ? reader.open({ cwd: path.resolve(cwd), directory, env, session }) : null;
}
