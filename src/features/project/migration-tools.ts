import path from 'node:path';
import { readPrismaSchema } from './prisma-schema.js';
import { firstFile, firstFolder, type ProjectFiles, projectPath } from './project-files.js';

/** A program that changes a project's database. */
export interface MigrationTool {
  /** e.g. "prisma", "sql". */
  readonly tool: string;
  /** Its migrations, relative to the project; null where they are spread over several folders. */
  readonly directory: string | null;
}

type Detect = (files: ProjectFiles) => Promise<Omit<MigrationTool, 'tool'> | undefined>;

const scriptExtensions = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'];
/** The names that a script may have: `name.ts`, `name.js` … */
export const scripts = (name: string) =>
  scriptExtensions.map((extension) => `${name}.${extension}`);

/** The first quoted path after a key, as `out: './drizzle'`. What a program computes is not guessed. */
export function quotedAfter(key: string, text: string): string | undefined {
  return new RegExp(`\\b${key}['"]?\\s*[:=]\\s*['"\`]([^'"\`$]+)['"\`]`).exec(text)?.[1];
}

/** The value of a line `key = value`, as in .ini and .properties files. */
export function lineValue(keys: string, text: string): string | undefined {
  return new RegExp(`^[ \\t]*(?:${keys})[ \\t]*[=:][ \\t]*(.+?)[ \\t]*$`, 'mi').exec(text)?.[1];
}

const prisma: Detect = async (files) => {
  const schema = await readPrismaSchema(files);
  return schema && { directory: schema.migrations };
};

const drizzle: Detect = async (files) => {
  const config = await firstFile(files, [...scripts('drizzle.config'), 'drizzle.config.json']);
  return config && { directory: projectPath('.', quotedAfter('out', config.text) ?? 'drizzle') };
};

const knex: Detect = async (files) => {
  const config = await firstFile(files, scripts('knexfile'));
  if (!config) return undefined;
  return { directory: projectPath('.', quotedAfter('directory', config.text) ?? 'migrations') };
};

const typeorm: Detect = async (files) => {
  const isUsed = (await files.read('ormconfig.json')) ?? (await files.dependsOn('typeorm'));
  if (!isUsed) return undefined;
  const usual = ['src/migrations', 'src/migration', 'src/database/migrations', 'migrations'];
  return { directory: (await firstFolder(files, [...usual, 'migration'])) ?? null };
};

const sequelize: Detect = async (files) => {
  const rc = await files.read('.sequelizerc');
  const isUsed = rc !== undefined || (await files.dependsOn('sequelize-cli'));
  if (!isUsed) return undefined;
  const named = /migrations-path['"]?\s*:\s*(?:path\.)?(?:resolve|join)\(([^)]*)\)/.exec(rc ?? '');
  const parts = named?.[1]?.match(/(?<=['"])[^'",\s][^'"]*(?=['"])/g) ?? [];
  const plain = quotedAfter('migrations-path', rc ?? '');
  return { directory: projectPath('.', plain ?? (parts.join('/') || 'migrations')) };
};

const nodePgMigrate: Detect = async (files) => {
  if (!(await files.dependsOn('node-pg-migrate'))) return undefined;
  const folders = ['migrations', 'db/migrations', 'src/migrations'];
  return { directory: (await firstFolder(files, folders)) ?? 'migrations' };
};

const graphileMigrate: Detect = async (files) => {
  const config = await firstFile(files, ['.gmrc', '.gmrc.js', '.gmrc.cjs']);
  if (!config && !(await files.dependsOn('graphile-migrate'))) return undefined;
  const named = quotedAfter('migrationsFolder', config?.text ?? '');
  return { directory: projectPath('.', named ?? 'migrations') };
};

const rails: Detect = async (files) => {
  const gemfile = await files.read('Gemfile');
  const isRails = /^\s*gem\s+['"](?:rails|activerecord)['"]/m.test(gemfile ?? '');
  return isRails ? { directory: 'db/migrate' } : undefined;
};

const django: Detect = async (files) => {
  const isDjango = /\bdjango\b/.test((await files.read('manage.py')) ?? '');
  // Every app has a folder of its own.
  return isDjango ? { directory: null } : undefined;
};

const alembic: Detect = async (files) => {
  const ini = await files.read('alembic.ini');
  if (ini === undefined) return undefined;
  const location = lineValue('script_location', ini)?.replace(/^%\(here\)s\/?/, '') ?? 'alembic';
  // A package resource ("package:folder") is no path.
  return { directory: location.includes(':') ? null : projectPath(location, 'versions') };
};

const flyway: Detect = async (files) => {
  const config = await firstFile(files, ['flyway.toml', 'flyway.conf', 'conf/flyway.conf']);
  const usual = ['db/migration', 'src/main/resources/db/migration', 'sql', 'migrations'];
  const named = /locations\s*=\s*\[?\s*["']?filesystem:([^"',\]\s]+)/.exec(config?.text ?? '')?.[1];
  if (config && named) return { directory: projectPath('.', named) };
  for (const folder of usual) {
    const names = await files.list(folder, /^[VU]\d[\d._]*__.+\.sql$/);
    if (names.length > 0) return { directory: folder };
  }
  return config && { directory: (await firstFolder(files, usual)) ?? null };
};

const liquibase: Detect = async (files) => {
  const config = await files.read('liquibase.properties');
  const changelog = lineValue('changeLogFile|changelog-file', config ?? '');
  if (changelog) return { directory: path.posix.dirname(projectPath('.', changelog)) };
  const folder = await firstFolder(files, ['db/changelog', 'src/main/resources/db/changelog']);
  return config !== undefined || folder ? { directory: folder ?? null } : undefined;
};

const atlas: Detect = async (files) => {
  const config = await files.read('atlas.hcl');
  const named = /\bdir\s*=\s*"file:\/\/([^"?]+)/.exec(config ?? '')?.[1];
  if (named) return { directory: projectPath('.', named) };
  for (const folder of sqlFolders) {
    if ((await files.read(`${folder}/atlas.sum`)) !== undefined) return { directory: folder };
  }
  return config === undefined ? undefined : { directory: 'migrations' };
};

const sqlx: Detect = async (files) => {
  const cargo = await files.read('Cargo.toml');
  const isUsed = /^\s*(?:sqlx\b|\[dependencies\.sqlx\])/m.test(cargo ?? '');
  return isUsed && (await files.isFolder('migrations')) ? { directory: 'migrations' } : undefined;
};

const sqlFolders = [
  ...['migrations', 'db/migrations', 'db/migration', 'database/migrations'],
  ...['sql/migrations', 'src/migrations'],
];

/** Detects a tool by what stands in its SQL files, because it has no config of its own. */
function bySqlFiles(pattern: RegExp, content?: RegExp): Detect {
  return async (files) => {
    for (const folder of sqlFolders) {
      const [first] = await files.list(folder, pattern);
      if (first === undefined) continue;
      if (!content || content.test((await files.read(`${folder}/${first}`)) ?? '')) {
        return { directory: folder };
      }
    }
    return undefined;
  };
}

/**
 * In order: a tool's own config first, then what tells SQL files of one tool from those of another.
 * Plain SQL is last, because files of the others hold their undo too: run as they are, they would
 * undo what they did.
 */
export const migrationTools: readonly (readonly [string, Detect])[] = [
  ['prisma', prisma],
  ['drizzle', drizzle],
  ['knex', knex],
  ['graphile-migrate', graphileMigrate],
  ['node-pg-migrate', nodePgMigrate],
  ['sequelize', sequelize],
  ['typeorm', typeorm],
  ['rails', rails],
  ['django', django],
  ['alembic', alembic],
  ['liquibase', liquibase],
  ['atlas', atlas],
  ['flyway', flyway],
  ['sqlx', sqlx],
  ['dbmate', bySqlFiles(/\.sql$/, /^--\s*migrate:up\b/m)],
  ['goose', bySqlFiles(/\.sql$/, /^--\s*\+goose\s+Up\b/im)],
  ['sql-migrate', bySqlFiles(/\.sql$/, /^--\s*\+migrate\s+Up\b/im)],
  ['golang-migrate', bySqlFiles(/^\d+_.*\.up\.sql$/)],
  ['sql', bySqlFiles(/\.sql$/)],
];
