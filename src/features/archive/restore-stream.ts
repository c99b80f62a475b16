import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { orderPartialRestore, type UncheckedReference } from '../../domain/partial-archive.js';
import { type Reporter, reportStep } from '../../domain/reporter.js';
import { shareOut } from '../../domain/restore-order.js';
import { type ContentsEntry, parseTableOfContents } from '../../domain/table-of-contents.js';
import { restoreList } from '../../domain/table-selection.js';
import { BelayError } from '../../errors.js';
import { libpqEnvironment } from '../../postgres/libpq-environment.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import { lastLines } from '../../process/program-failure.js';
import { runProgram } from '../../process/run.js';
import { withScratchFolder } from '../../process/scratch-folder.js';
import { streamProgram } from '../../process/stream-program.js';

export interface RestoreStreamOrder {
  /** Path of pg_restore. */
  readonly pgRestore: string;
  readonly settings: ConnectionSettings;
  /** Empty database to restore into. */
  readonly database: string;
  readonly env: NodeJS.ProcessEnv;
  /** The bytes of an archive in pg_dump's custom format. Read to its end whatever happens. */
  readonly source: Readable;
  /** Everything belongs to the connecting role, and nothing is granted. */
  readonly noOwner: boolean;
  /** One transaction for all that comes before the indexes: fast where WAL is minimal, but it holds a lock for each object. */
  readonly singleTransaction: boolean;
  /** Processes that build indexes and check constraints. */
  readonly jobs: number;
  /** Done when the schemas are there and nothing else is; null: nothing is to be done then. */
  readonly afterSchemas: (() => Promise<void>) | null;
  /** Foreign keys to rows that the archive does not hold: they are made before any rows are there, and not checked. */
  readonly unchecked: readonly UncheckedReference[];
  /** Done when the tables are there and nothing of what is better made after their rows. */
  readonly afterRows?: (() => Promise<void>) | undefined;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

const firstLookBytes = 64 * 1024;
/** A table of contents of this size has millions of entries. */
const largestHeadBytes = 1024 * 1024 * 1024;

/**
 * Restores an archive that is still on its way: tables and rows while its bytes come, and afterwards indexes,
 * constraints and triggers with several processes. Those need only the table of contents, which is the
 * beginning of the file: so nothing but that is ever put aside.
 * @throws BelayError RESTORE_FAILED with what pg_restore said; NOT_AN_ARCHIVE
 */
export async function restoreStream(order: RestoreStreamOrder): Promise<void> {
  await withScratchFolder(async (folder) => {
    const headFile = join(folder, 'head');
    const { head, rest, listing } = await readHead(order, headFile);
    const listFile = await restoreSchemas(order, listing, headFile);
    const { reporter } = order;
    const { rows, after } = await chooseParts(order, head, headFile, listFile);
    await reportStep(reporter, { name: 'restore rows' }, () =>
      restoreRows(order, head, rest, rows),
    );
    await order.afterRows?.();
    await reportStep(reporter, { name: 'build indexes and constraints' }, async () => {
      for (const args of after) await restoreFromHead(order, [...args, headFile]);
    });
  });
}

interface Head {
  readonly head: readonly Buffer[];
  readonly rest: AsyncIterator<Buffer>;
  /** What `pg_restore -l` prints. */
  readonly listing: string;
}

/**
 * Reads until the table of contents is whole. Where it ends is nowhere written, but pg_restore can
 * list a file as soon as it is.
 */
async function readHead(order: RestoreStreamOrder, file: string): Promise<Head> {
  const rest = (order.source as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const head: Buffer[] = [];
  let size = 0;
  for (let wanted = firstLookBytes; wanted <= largestHeadBytes; wanted *= 2) {
    let isOver = false;
    while (size < wanted && !isOver) {
      const { value, done } = await rest.next();
      if (done) isOver = true;
      else {
        head.push(value);
        size += value.length;
      }
    }
    await writeFile(file, Buffer.concat(head), { mode: 0o600 });
    const listed = await runProgram(order.pgRestore, ['-l', file], {
      env: order.env,
      signal: order.signal,
      maxOutputBytes: largestHeadBytes,
      errorCode: 'RESTORE_FAILED',
    });
    if (listed.exitCode === 0) return { head, rest, listing: listed.stdout };
    if (isOver) throw notAnArchive(listed.stderr);
  }
  throw notAnArchive('its table of contents has no end');
}

function notAnArchive(why: string): BelayError {
  return new BelayError(
    'NOT_AN_ARCHIVE',
    `this is no archive that pg_restore can read: ${lastLines(why, 2)}`,
    {
      hint: 'It has to be a file of pg_dump -Fc, written by a pg_dump that is not newer than pg_restore.',
    },
  );
}

const errorHint = 'Nothing that is in use was touched.';

/** The entry of a schema: its number, the OID of pg_namespace, its own OID. */
const schemaEntry = /^\d+; 2615 \d+ SCHEMA - /;

/**
 * Restores the schemas alone, where something has to be made in them before all else.
 * @returns file that lists what is left to restore; undefined: everything
 */
async function restoreSchemas(
  order: RestoreStreamOrder,
  listing: string,
  headFile: string,
): Promise<string | undefined> {
  if (!order.afterSchemas) return undefined;
  const lines = listing.split('\n');
  const write = async (name: string, wanted: (line: string) => boolean) => {
    const file = `${headFile}.${name}`;
    await writeFile(file, lines.filter(wanted).join('\n'), { mode: 0o600 });
    return file;
  };
  const schemas = await write('schemas', (line) => schemaEntry.test(line));
  await restoreFromHead(order, [`--use-list=${schemas}`, '--section=pre-data', headFile]);
  await order.afterSchemas();
  return write('others', (line) => !schemaEntry.test(line));
}

/** Arguments that choose what is restored with the rows, and what afterwards. */
interface Parts {
  readonly rows: readonly string[];
  /** One run after the other. */
  readonly after: readonly (readonly string[])[];
}

async function chooseParts(
  order: RestoreStreamOrder,
  head: readonly Buffer[],
  headFile: string,
  listFile: string | undefined,
): Promise<Parts> {
  const jobs = `--jobs=${order.jobs}`;
  const list = async (name: string, entries: readonly ContentsEntry[]) => {
    const file = `${headFile}.${name}`;
    await writeFile(file, restoreList(entries), { mode: 0o600 });
    return `--use-list=${file}`;
  };
  const runs = async (entries: readonly ContentsEntry[]) => {
    const { parallel, serial } = shareOut(entries);
    const first = [await list('parallel', parallel), jobs];
    return serial.length === 0 ? [first] : [first, [await list('serial', serial)]];
  };
  const parsed = parseTableOfContents(Buffer.concat(head));
  const entries = parsed.type === 'contents' ? parsed.contents.entries : [];
  if (order.unchecked.length > 0) {
    if (parsed.type !== 'contents') throw notAnArchive('its table of contents cannot be read');
    const { rows, rest } = orderPartialRestore(parsed.contents, order.unchecked);
    const left = rows.filter(({ kind }) => listFile === undefined || kind !== 'SCHEMA');
    return { rows: [await list('rows', left)], after: await runs(rest) };
  }
  const others = listFile === undefined ? [] : [`--use-list=${listFile}`];
  const hasPartitions = entries.some(({ kind }) => kind === 'INDEX ATTACH');
  return {
    rows: ['--section=pre-data', '--section=data', ...others],
    after: hasPartitions
      ? await runs(entries.filter(({ section }) => section === 'post-data'))
      : [['--section=post-data', jobs]],
  };
}

async function restoreRows(
  order: RestoreStreamOrder,
  head: readonly Buffer[],
  rest: AsyncIterator<Buffer>,
  chosen: readonly string[],
): Promise<void> {
  const transaction = order.singleTransaction ? '--single-transaction' : '--exit-on-error';
  const child = streamProgram(
    order.pgRestore,
    [...commonArguments(order), transaction, ...chosen],
    {
      ...{ env: rowsEnvironment(order), stdin: 'pipe', stdout: 'collect', signal: order.signal },
      ...{ errorCode: 'RESTORE_FAILED', errorHint },
    },
  );
  await feed(child.stdin as Writable, head, rest);
  const { failure } = await child.ended;
  if (failure) throw failure;
}

/** Gives the child everything; when it wants no more, the rest is read and thrown away, because others read along. */
async function feed(
  stdin: Writable,
  head: readonly Buffer[],
  rest: AsyncIterator<Buffer>,
): Promise<void> {
  let isOpen = true;
  stdin.on('error', () => {
    isOpen = false;
  });
  stdin.on('close', () => {
    isOpen = false;
  });
  const give = async (chunk: Buffer) => {
    if (!isOpen || stdin.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        stdin.off('drain', done);
        stdin.off('close', done);
        stdin.off('error', done);
        resolve();
      };
      stdin.on('drain', done).on('close', done).on('error', done);
      if (!isOpen) done();
    });
  };
  try {
    for (const chunk of head) await give(chunk);
    for (;;) {
      const { value, done } = await rest.next();
      if (done) break;
      await give(value);
    }
  } catch (error) {
    // This ends the child: it must not take the end of a broken stream for the end of the archive.
    stdin.destroy();
    throw error;
  }
  stdin.end();
}

/** Restores what needs no more than the table of contents. */
async function restoreFromHead(order: RestoreStreamOrder, args: readonly string[]): Promise<void> {
  await runProgram(order.pgRestore, [...commonArguments(order), '--exit-on-error', ...args], {
    ...{ env: childEnvironment(order), signal: order.signal, mustSucceed: true },
    ...{ errorCode: 'RESTORE_FAILED', errorHint },
  });
}

function commonArguments({ database, noOwner }: RestoreStreamOrder): string[] {
  return [
    `--dbname=${connectionStringFor(database)}`,
    '--no-password',
    '--no-tablespaces',
    ...(noOwner ? ['--no-owner', '--no-privileges'] : []),
  ];
}

/** A name alone would be read as a connection string where it looks like one. */
function connectionStringFor(database: string): string {
  return `dbname='${database.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}

function childEnvironment({ settings, database, env }: RestoreStreamOrder): NodeJS.ProcessEnv {
  return libpqEnvironment(settings, { database, applicationName: 'belay restore', env });
}

/** As a replica the server does not check the foreign keys that are there before the rows. */
function rowsEnvironment(order: RestoreStreamOrder): NodeJS.ProcessEnv {
  const env = childEnvironment(order);
  if (order.unchecked.length === 0) return env;
  const options = [env.PGOPTIONS, '-c session_replication_role=replica'];
  return { ...env, PGOPTIONS: options.filter((option) => option !== undefined).join(' ') };
}
