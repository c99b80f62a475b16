import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { asDocument, defineTool, given, type Tool } from '../tool.js';

const { sql } = jobInputs.plan.shape;

const planMigration = defineTool({
  name: 'plan_migration',
  title: 'Plan a migration',
  description:
    'What SQL would do to the data that is there now: rows and values lost or changed, with counts, locks, and safer ways. Runs none of it and changes nothing. Do this before a rehearsal.',
  scope: 'restore',
  effect: 'read',
  input: {
    sql: sql.describe('The migration, as plain SQL'),
    name: z.string().max(200).optional().describe('What it is called, e.g. "0007_drop_email"'),
  },
  output: z.looseObject({ statements: z.array(z.looseObject({})) }),
  run: async (executor, call, input) =>
    asDocument(await executor.perform(call, 'plan', given(input))),
});

const rehearseMigration = defineTool({
  name: 'rehearse_migration',
  title: 'Rehearse a migration',
  description:
    'Runs SQL on a copy of the database that is thrown away, and measures what it did: errors, time, locks, rows changed and lost. The live database keeps its state; making the copy may end its sessions for a moment.',
  scope: 'restore',
  effect: 'add',
  input: {
    sql: sql.describe('The migration, as plain SQL'),
    name: z.string().max(200).optional().describe('What it is called'),
  },
  output: z.looseObject({ ok: z.boolean() }),
  run: async (executor, call, input) =>
    asDocument(await executor.perform(call, 'rehearse', given(input))),
});

const rollbackPlan = defineTool({
  name: 'rollback_plan',
  title: 'Plan a rollback',
  description:
    'The way back to an earlier version of the schema: each step, how safe it is, and what it would lose. Does none of it.',
  scope: 'restore',
  effect: 'read',
  input: {
    version: jobInputs['rollback-plan'].shape.version.describe(
      'A version of version_graph; "0" is the state before the first migration',
    ),
    data: z.boolean().optional().describe('Also what kept records would be put back'),
  },
  output: z.looseObject({ from: z.string().nullable(), to: z.string() }),
  run: async (executor, call, input) =>
    asDocument(await executor.perform(call, 'rollback-plan', given(input))),
});

const versionGraph = defineTool({
  name: 'version_graph',
  title: 'Version graph',
  description:
    'The recorded versions of the schema, which follows which, and which one is in force.',
  scope: 'read',
  effect: 'read',
  input: {},
  output: z.looseObject({
    versions: z.array(z.looseObject({ id: z.string(), parents: z.array(z.string()) })),
    current: z.string().nullable(),
  }),
  run: async (executor, call) => asDocument(await executor.versions(call)),
});

export const migrationTools: readonly Tool[] = [
  ...[planMigration, rehearseMigration, rollbackPlan, versionGraph],
];
