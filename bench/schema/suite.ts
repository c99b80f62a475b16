import { join } from 'node:path';
import {
  compareSchemas,
  type SchemaModel,
  withoutColumnOrder,
} from '../../src/domain/schema-model.js';
import { readSchemaModel } from '../../src/postgres/schema/read-schema-model.js';
import { runProgram } from '../../src/process/run.js';
import { serverEnvironment } from '../../src/process/server-environment.js';
import { openSession } from '../../test/support/open-session.js';
import { type BenchServer, benchDatabase, runSql, urlOf, withClient } from '../server.js';
import type { SuiteContext } from '../suite.js';
import type { SchemaMeasurement, SchemaResult, SchemaShapeResult, SchemaTask } from './results.js';

const tables = 1000;

/** Statements for one table; %s is its number. */
const shapes: readonly { readonly name: string; readonly sql: readonly string[] }[] = [
  {
    name: `${tables} tables of 10 columns`,
    sql: [
      `CREATE TABLE t%1$s (id bigint PRIMARY KEY, a text, b text, c int, d numeric(10,2), e timestamptz,
         f boolean, g uuid, h jsonb, r bigint)`,
    ],
  },
  {
    name: `${tables} tables of 10 columns with identities, foreign keys, checks and indexes`,
    sql: [
      `CREATE TABLE t%1$s (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text NOT NULL, b text DEFAULT ''x'',
         c int CHECK (c > 0), d numeric(10,2), e timestamptz DEFAULT now(), f boolean, g uuid, h jsonb,
         r bigint REFERENCES t1)`,
      'CREATE INDEX ON t%1$s (a)',
    ],
  },
];

async function build(server: BenchServer, sql: readonly string[]): Promise<void> {
  await runSql(server, `DROP DATABASE IF EXISTS ${benchDatabase} WITH (FORCE)`);
  await runSql(server, `CREATE DATABASE ${benchDatabase}`);
  await withClient(urlOf(server), async (client) => {
    const statements = sql.map((one) => `EXECUTE format('${one}', i);`).join(' ');
    await client.query(`DO $$ BEGIN FOR i IN 1..${tables} LOOP ${statements} END LOOP; END $$`);
    await client.query('VACUUM ANALYZE');
  });
}

/** From the connection to the model, as pg_dump goes from the connection to its output. */
async function read(server: BenchServer): Promise<SchemaModel> {
  const session = await openSession(urlOf(server));
  try {
    return await readSchemaModel(session);
  } finally {
    await session.close();
  }
}

function dump(server: BenchServer, signal: AbortSignal) {
  const env = {
    ...serverEnvironment(process.env),
    ...{ PGHOST: '127.0.0.1', PGPORT: String(server.port) },
    ...{ PGUSER: 'postgres', PGPASSWORD: server.password },
  };
  const args = ['--schema-only', '-f', '/dev/null', benchDatabase];
  return runProgram(join(server.binDir, 'pg_dump'), args, { env, signal, mustSucceed: true });
}

/** A few objects removed and a few changed. */
function slightlyChanged(model: SchemaModel): SchemaModel {
  const objects = structuredClone(model.objects)
    .filter((_, index) => index % 777 !== 1)
    .map((object, index) => {
      if (index % 500 !== 0) return object;
      return { ...object, definition: `${object.definition}\ncomment: changed` };
    });
  return { ...model, objects };
}

function cpuOfComparing(a: SchemaModel, b: SchemaModel): number {
  const before = process.cpuUsage();
  compareSchemas(withoutColumnOrder(a), withoutColumnOrder(b));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function clock(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

const what: Readonly<Record<SchemaTask, string>> = {
  'first read': 'the same, before anything is compiled or cached',
  read: 'connect, read the model',
  pg_dump: 'pg_dump --schema-only -f /dev/null',
  'compare equal': 'time on the processor',
  'compare changed': 'time on the processor; 0.3 % of the objects differ',
};

async function measureShape(
  server: BenchServer,
  { name, sql }: (typeof shapes)[number],
  { options, signal, say }: SuiteContext,
): Promise<SchemaShapeResult> {
  say(`${name}: building`);
  await build(server, sql);
  const runs: Record<SchemaTask, number[]> = {
    ...{ 'first read': [], read: [], pg_dump: [], 'compare equal': [], 'compare changed': [] },
  };
  let model: SchemaModel = { format: 1, objects: [] };
  const reading = () =>
    clock(async () => {
      model = await read(server);
    });
  runs['first read'].push(await reading());
  for (let round = 0; round < options.runs; round += 1) {
    signal.throwIfAborted();
    runs.read.push(await reading());
    if (server.installation.hasClientTools)
      runs.pg_dump.push(await clock(() => dump(server, signal)));
    runs['compare equal'].push(cpuOfComparing(model, structuredClone(model)));
    runs['compare changed'].push(cpuOfComparing(model, slightlyChanged(model)));
    const [mine, theirs] = [runs.read.at(-1) ?? 0, runs.pg_dump.at(-1) ?? 0];
    say(`  read: ${Math.round(mine)} ms, pg_dump: ${Math.round(theirs)} ms`);
  }
  const measurements = (Object.keys(runs) as SchemaTask[])
    .map((task): SchemaMeasurement => ({ task, what: what[task], runs: runs[task] }))
    .filter((one) => one.runs.length > 0);
  return { name, objects: model.objects.length, measurements };
}

/** Measures reading and comparing of schemas on one server. */
export async function measureSchemas(
  server: BenchServer,
  context: SuiteContext,
): Promise<SchemaResult> {
  const results: SchemaShapeResult[] = [];
  for (const shape of shapes) results.push(await measureShape(server, shape, context));
  return { name: `PostgreSQL ${server.installation.version}`, shapes: results };
}
