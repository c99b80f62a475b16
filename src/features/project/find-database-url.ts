import path from 'node:path';
import {
  findConnectionEnvironment,
  findUrl,
  findUrlVariable,
  type UrlCandidate,
  type UrlSearch,
} from '../../config/url-candidate.js';
import { readEnvFile } from '../../config/variables.js';
import { readPrismaSchema } from './prisma-schema.js';
import { firstFile, projectFiles } from './project-files.js';

/** Names that hosts and frameworks use beside DATABASE_URL. */
const otherVariables = [
  ...['POSTGRES_URL', 'POSTGRESQL_URL', 'PG_URL', 'DB_URL', 'DATABASE_URI'],
  ...['POSTGRES_URL_NON_POOLING', 'SQLALCHEMY_DATABASE_URI'],
];

/** Belay does not read these at every run: they hold only while a tool runs in development. */
const developmentFiles = ['.env.development.local', '.env.development'];

/**
 * Finds a project's database: where every command looks (the given URL, BELAY_URL, DATABASE_URL),
 * then what the project's own files refer to. PG* variables come after a URL, as in every command.
 */
export async function findDatabaseUrl(
  search: UrlSearch,
  url?: string | undefined,
): Promise<UrlCandidate | undefined> {
  return (
    findUrl(search, url) ??
    (await findInPrisma(search)) ??
    findInOtherVariables(search) ??
    findConnectionEnvironment(search) ??
    (await findInDevelopmentFiles(search)) ??
    (await findInAlembic(search))
  );
}

async function findInPrisma(search: UrlSearch): Promise<UrlCandidate | undefined> {
  const schema = await readPrismaSchema(projectFiles(search.cwd));
  if (schema?.urlVariable) return findUrlVariable(search, schema.urlVariable);
  return schema?.url ? literal(search, schema.url, schema.file) : undefined;
}

/** Only what certainly means PostgreSQL: nobody said that these are the database to work on. */
function findInOtherVariables(search: UrlSearch): UrlCandidate | undefined {
  return otherVariables
    .map((name) => findUrlVariable(search, name))
    .find((candidate) => isPostgresUrl(candidate?.url));
}

async function findInDevelopmentFiles(search: UrlSearch): Promise<UrlCandidate | undefined> {
  for (const name of developmentFiles) {
    const { DATABASE_URL: url } = await readEnvFile(path.join(search.cwd, name));
    if (url) return literal(search, url, `DATABASE_URL in ${name}`);
  }
  return undefined;
}

async function findInAlembic(search: UrlSearch): Promise<UrlCandidate | undefined> {
  const ini = await firstFile(projectFiles(search.cwd), ['alembic.ini']);
  const url = /^\s*sqlalchemy\.url\s*=\s*(\S+)\s*$/m.exec(ini?.text ?? '')?.[1];
  if (!url || !isPostgresUrl(url)) return undefined;
  return literal(search, url.replaceAll('%%', '%'), 'sqlalchemy.url in alembic.ini');
}

function literal({ cwd, env }: UrlSearch, url: string, source: string): UrlCandidate {
  return { url, source, cwd, env };
}

function isPostgresUrl(url: string | undefined): boolean {
  return /^(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?:\/\//i.test(url?.trim() ?? '');
}
