import pg from 'pg';
import { newSnapshotId } from '../../src/domain/clone-name.js';
import type { SessionPolicy } from '../../src/domain/database-session.js';
import type { BranchSource, FoundBranch } from '../../src/features/branch/driver.js';
import { schemaBranches } from '../../src/features/branch/schema-driver.js';
import { underLock, type WorkOptions } from '../../src/features/target/work.js';
import type { ProgressEvent } from '../../src/index.js';
import { connectionUrl } from '../../src/postgres/settings.js';
import { rowsOf, withTarget } from './targets.js';

export interface SchemaBranchOptions extends WorkOptions {
  readonly schema?: string | undefined;
  readonly source?: BranchSource | undefined;
  readonly sessions?: SessionPolicy | undefined;
}

/** Makes a branch that is a schema of the database of a URL. */
export function makeSchemaBranch(
  url: string,
  name: string,
  options: SchemaBranchOptions = {},
): Promise<FoundBranch> {
  return withTarget(url, (target) =>
    underLock(target, options, (work) =>
      schemaBranches.create(work, {
        ...{ id: newSnapshotId(), name, isolation: 'schema', purpose: 'manual', git: null },
        source: options.source ?? { kind: 'live' },
        sourceSchema: options.schema ?? 'app',
        ...{ expiresAt: null, protectedUntil: null, folder: undefined },
        sessions: options.sessions ?? 'wait',
      }),
    ),
  );
}

export function resetSchemaBranch(
  url: string,
  name: string,
  options: SchemaBranchOptions & { readonly to?: string } = {},
) {
  return withTarget(url, async (target) => {
    const branch = await branchNamed(url, name);
    return underLock(target, options, (work) =>
      schemaBranches.reset(work, branch, {
        ...{ reference: options.to, sessions: options.sessions ?? 'wait', cwd: target.cwd },
      }),
    );
  });
}

export function removeSchemaBranch(url: string, name: string, options: SchemaBranchOptions = {}) {
  return withTarget(url, async (target) => {
    const branch = await branchNamed(url, name);
    return underLock(target, options, (work) =>
      schemaBranches.remove(work, branch, options.sessions ?? 'wait'),
    );
  });
}

export function schemaBranchesOf(url: string): Promise<readonly FoundBranch[]> {
  return withTarget(url, (target) => schemaBranches.list(target));
}

export async function branchNamed(url: string, name: string): Promise<FoundBranch> {
  const found = (await schemaBranchesOf(url)).find(({ record }) => record.name === name);
  if (!found) throw new Error(`there is no branch ${name}`);
  return found;
}

/** The URL that a program would get. */
export const urlOf = ({ settings }: FoundBranch): string =>
  connectionUrl(settings, { withPassword: true });

/** Collects warnings. */
export function collectWarnings() {
  const warnings: string[] = [];
  const reporter = (event: ProgressEvent) => {
    if (event.type === 'warning') warnings.push(event.message);
  };
  return { warnings, reporter };
}

/** A shop in a schema, with a table that it shares. */
export const schemaShopSql = `
  CREATE SCHEMA app;
  CREATE SCHEMA shared;
  CREATE TABLE shared.people (id int PRIMARY KEY, name text);
  INSERT INTO shared.people SELECT i, 'p' || i FROM generate_series(1, 9) i;
  CREATE TYPE app.state AS ENUM ('new', 'done');
  CREATE TABLE app.items (id serial PRIMARY KEY, name text NOT NULL, state app.state DEFAULT 'new', person int REFERENCES shared.people);
  INSERT INTO app.items (name, person) VALUES ('rope', 1), ('harness', 2), ('belay device', 3);
  CREATE TABLE app.lines (id int GENERATED ALWAYS AS IDENTITY, item int REFERENCES app.items, of regclass DEFAULT 'app.items'::regclass);
  INSERT INTO app.lines (item) SELECT id FROM app.items;
  CREATE MATERIALIZED VIEW app.counts AS SELECT state, count(*) FROM app.items GROUP BY 1;
  CREATE FUNCTION app.how_many() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM app.items';
  CREATE FUNCTION app.add(name text) RETURNS int LANGUAGE plpgsql SET search_path = app, pg_temp AS $$
    DECLARE made app.items%ROWTYPE;
    BEGIN INSERT INTO app.items (name) VALUES (add.name) RETURNING * INTO made; RETURN made.id; END $$;
`;

/** The first row of one query, with the driver's own reading of the URL. */
export async function first(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return rows[0] ?? [];
  } finally {
    await client.end();
  }
}

/** The user's schemas. */
export async function schemasOf(url: string): Promise<string[]> {
  const rows = await rowsOf(
    url,
    `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' ORDER BY 1`,
  );
  return rows.map(({ nspname }) => nspname);
}
