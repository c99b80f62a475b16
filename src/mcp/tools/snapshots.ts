import { z } from 'zod';
import { referenceSchema } from '../../contract/names.js';
import { archiveOf, type Snapshot } from '../../domain/snapshot.js';
import { asDocument, defineTool, namedSnapshot, type Tool } from '../tool.js';

const defaultCount = 20;

const listDatabases = defineTool({
  name: 'list_databases',
  title: 'List databases',
  description:
    'The databases that the other tools can be pointed at, and which one is meant where none is named. Asks no database.',
  scope: 'read',
  effect: 'read',
  input: {},
  output: z.looseObject({ databases: z.array(z.looseObject({ name: z.string() })) }),
  run: async (executor) => ({ databases: await executor.places() }),
});

const status = defineTool({
  name: 'status',
  title: 'Status of the database',
  description:
    'Whether the database is there, what it is based on, whether its schema or rows changed since, and how many snapshots there are.',
  scope: 'read',
  effect: 'read',
  input: {},
  output: z.looseObject({ exists: z.boolean(), snapshots: z.number() }),
  run: async (executor, call) => asDocument(await executor.perform(call, 'status', {})),
});

const listSnapshots = defineTool({
  name: 'list_snapshots',
  title: 'List snapshots',
  description:
    'The timeline: snapshots and checkpoints, newest first, and what the live database is based on. `proof` is "proven" where the archive was restored and compared.',
  scope: 'read',
  effect: 'read',
  input: {
    search: z.string().max(200).optional().describe('Part of a tag, description, commit or branch'),
    limit: z.int().min(1).max(200).optional().describe(`How many; default ${defaultCount}`),
  },
  output: z.looseObject({
    snapshots: z.array(z.looseObject({ id: z.string(), tag: z.string(), createdAt: z.string() })),
    total: z.number().describe('How many match, shown or not'),
    basedOn: namedSnapshot.nullable(),
    undo: namedSnapshot.nullable().describe('The state that an undo would bring back'),
    problem: z.string().nullable(),
  }),
  run: async (executor, call, { search, limit = defaultCount }) => {
    const { snapshots, ...rest } = await executor.timeline(call);
    const found = search === undefined ? snapshots : snapshots.filter((one) => fits(one, search));
    return { snapshots: found.slice(0, limit).map(inShort), total: found.length, ...rest };
  },
});

function fits({ tag, description, git }: Snapshot, search: string): boolean {
  const wanted = search.toLowerCase();
  return [tag, description, git?.commit, git?.branch].some((one) =>
    one?.toLowerCase().includes(wanted),
  );
}

/** A snapshot as lists show it: without the counts of every table. */
function inShort(snapshot: Snapshot) {
  const { id, tag, description, createdAt, reason, git, sizeBytes, protectedUntil } = snapshot;
  const archive = archiveOf(snapshot);
  return {
    ...{ id, tag, description, createdAt, reason, git, sizeBytes, protectedUntil },
    tables: snapshot.fingerprint?.tables ?? null,
    rows: snapshot.fingerprint?.rows ?? null,
    copies: snapshot.copies.map(({ type }) => type),
    proof: archive?.drill.status ?? null,
  };
}

const showSnapshot = defineTool({
  name: 'show_snapshot',
  title: 'Show a snapshot',
  description:
    'One snapshot whole: its copies, its proof, the rows of every table and the sequences as they were.',
  scope: 'read',
  effect: 'read',
  input: {
    reference: referenceSchema.describe('Tag, id, "latest", "~1" or "@2026-11-20T14:30"'),
  },
  output: z.looseObject({ id: z.string(), tag: z.string(), createdAt: z.string() }),
  run: async (executor, call, { reference }) =>
    asDocument(await executor.snapshot(call, reference)),
});

export const snapshotTools: readonly Tool[] = [listDatabases, status, listSnapshots, showSnapshot];
