import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBranchRecord } from '../../domain/branch-record.js';
import { reportStep } from '../../domain/reporter.js';
import { scramVerifier } from '../../postgres/scram-verifier.js';
import { quoteIdentifier, quoteLiteral, Session } from '../../postgres/session.js';
import { describeServer } from '../../postgres/settings.js';
import { commentDatabaseSql, readDatabases } from '../../postgres/sql/databases.js';
import { readUnloggedRelations } from '../../postgres/unlogged-relations.js';
import type { BranchClusterPaths } from '../../process/branch-cluster.js';
import { privateAccessText, writeServerFile } from '../../process/branch-cluster-config.js';
import { prepareLog, prepareSocketDir } from '../../process/cluster-folder.js';
import type { PostgresInstallation } from '../../process/installation.js';
import { startServer, stopServer } from '../../process/postgres-server.js';
import type { ServerUser } from '../../process/server-user.js';
import { restoreToNew } from '../snapshot/restore.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work } from '../target/work.js';
import { socketSettings } from './cluster-session.js';
import type { ClusterSource } from './cluster-source.js';

export interface Preparation {
  readonly source: ClusterSource;
  /** Of the half-made branch. */
  readonly paths: BranchClusterPaths;
  readonly user: ServerUser;
  readonly installation: PostgresInstallation;
  readonly port: number;
  /** Of the role that the URL names. */
  readonly password: string;
}

const applicationName = 'belay branch create';

/**
 * Lets a copied data directory recover on a server that nobody can reach but Belay, changes what must not wake up or be
 * opened as it is, and stops it cleanly. What comes of it is the branch's base.
 */
export async function prepareCopy(work: Work, preparation: Preparation): Promise<void> {
  const { source } = preparation;
  await withPrivateServer(work, preparation, async (open) => {
    const session = await open(source.maintenanceDatabase);
    try {
      await quieten(session, work);
      await setPassword(session, source.user, preparation.password);
      await forgetBranch(session, source.database);
    } finally {
      await session.close();
    }
    if (source.snapshot !== null) await restoreInCopy(work, source, open);
    await tellPrepared(work, open, source);
    // A cold copy keeps them.
    if (source.session !== null) await tellUnlogged(work, source.database, open);
  });
}

type OpenPrivate = ((database: string) => Promise<Session>) & {
  readonly settings: ReturnType<typeof socketSettings>;
};

async function withPrivateServer(
  { signal, reporter }: Work,
  { source, paths, user, installation, port }: Preparation,
  use: (open: OpenPrivate) => Promise<void>,
): Promise<void> {
  const { dataDir, logFile, folder } = paths;
  await prepareLog(paths, user);
  const socketDir = await prepareSocketDir(paths, user);
  const accessFile = join(folder, 'private_hba.conf');
  await writeServerFile(accessFile, privateAccessText, user);
  const settings = {
    listen_addresses: '',
    hba_file: accessFile,
    max_logical_replication_workers: '0',
    autovacuum: 'off',
    // All of it is brought to the disk at once when it is complete: nobody misses what a crash leaves before.
    fsync: 'off',
    // What a login starts is for users.
    ...(installation.major >= 17 ? { event_triggers: 'off' } : {}),
  };
  try {
    await reportStep(reporter, { name: 'recover the copy' }, () =>
      startServer({
        ...{ installation, dataDir, socketDir, logFile, port, user, settings, signal },
      }),
    );
    const known = socketSettings(socketDir, port, source);
    const open = (database: string) => Session.open(known, { database, applicationName });
    await use(Object.assign(open, { settings: known }));
  } finally {
    await stopServer(dataDir, installation.binDir);
    if (!socketDir.startsWith(folder)) await rm(socketDir, { recursive: true, force: true });
    await rm(accessFile, { force: true });
  }
}

/**
 * Subscriptions would take the original's place at their publisher, and dropping one would remove the original's slot
 * there. The catalog is shared: one statement reaches those of all databases.
 */
async function quieten(session: Session, { reporter }: Work): Promise<void> {
  const subscriptions = await session.query<{ name: string }>(
    `UPDATE pg_subscription SET subenabled = false, subslotname = NULL
      WHERE subenabled OR subslotname IS NOT NULL RETURNING subname::text AS name`,
    [],
    'disabling the subscriptions of the copy',
  );
  if (subscriptions.length > 0) {
    const names = subscriptions.map(({ name }) => name).join(', ');
    reporter({ type: 'note', message: `disabled in the branch: subscriptions ${names}` });
  }
}

/** They are in the copy of a server that runs or not, and hold their locks until somebody ends them. */
async function tellPrepared({ reporter }: Work, open: OpenPrivate, source: ClusterSource) {
  const session = await open(source.maintenanceDatabase);
  try {
    const { prepared } = await session.queryOne<{ prepared: number }>(
      'SELECT count(*)::int AS prepared FROM pg_prepared_xacts',
    );
    if (prepared === 0) return;
    const what = prepared === 1 ? 'transaction' : 'transactions';
    const message = `the branch has ${prepared} prepared ${what} of its source, with their locks`;
    reporter({ type: 'warning', message });
  } finally {
    await session.close();
  }
}

async function setPassword(session: Session, user: string, password: string): Promise<void> {
  const { isLimited } = await session.queryOne<{ isLimited: boolean }>(
    'SELECT rolvaliduntil IS NOT NULL AS "isLimited" FROM pg_roles WHERE rolname = $1',
    [user],
  );
  const until = isLimited ? ` VALID UNTIL 'infinity'` : '';
  await session.execute(
    `ALTER ROLE ${quoteIdentifier(user)} PASSWORD ${quoteLiteral(scramVerifier(password))}${until}`,
    'setting the password of the branch',
  );
}

/** In a copy, the record of a branch that is a database would lead to the copy's own target. */
async function forgetBranch(session: Session, database: string): Promise<void> {
  const rows = await readDatabases(session, database);
  const comment = rows.find(({ name }) => name === database)?.comment ?? null;
  if (parseBranchRecord(comment).type !== 'record') return;
  await session.execute(commentDatabaseSql(database, null), 'naming the database of the branch');
}

/** The copy's database is replaced by a snapshot that is in the copy as well, or in the store. The original has both still. */
async function restoreInCopy(work: Work, source: ClusterSource, open: OpenPrivate): Promise<void> {
  const { database, snapshot } = source;
  if (snapshot === null) return;
  const main = await open(source.maintenanceDatabase);
  try {
    await endPrepared(main, database, open);
    await dropBelayDatabase(main, database);
    const target = privateTarget(work.target, open, main, database);
    const { signal, reporter } = work;
    await underLock(target, { signal, reporter }, (inCopy) =>
      restoreToNew(inCopy, { reference: snapshot, to: database }, database, performance.now()),
    );
  } finally {
    await main.close();
  }
}

async function endPrepared(main: Session, database: string, open: OpenPrivate): Promise<void> {
  const prepared = await main.query<{ gid: string }>(
    'SELECT gid FROM pg_prepared_xacts WHERE database = $1',
    [database],
  );
  if (prepared.length === 0) return;
  const session = await open(database);
  try {
    for (const { gid } of prepared) {
      await session.execute(`ROLLBACK PREPARED ${quoteLiteral(gid)}`, 'emptying the copy');
    }
  } finally {
    await session.close();
  }
}

function privateTarget(root: Target, open: OpenPrivate, main: Session, database: string): Target {
  const settings = { ...open.settings, database };
  return {
    ...{ database, settings, main, env: root.env, cwd: root.cwd },
    server: describeServer(settings),
    ...{ environment: 'development', branch: null, root: settings },
    isLocal: true,
    name: undefined,
    source: 'a branch that is being made',
    openStore: () => root.openStore(),
    openHelper: () => open(main.database),
    openDatabase: open,
    close: () => main.close(),
  };
}

async function tellUnlogged({ reporter }: Work, database: string, open: OpenPrivate) {
  const session = await open(database);
  try {
    const names = [...(await readUnloggedRelations(session))];
    if (names.length === 0) return;
    const message = `empty in the branch, because they are unlogged: ${names.join(', ')}`;
    reporter({ type: 'warning', message });
  } finally {
    await session.close();
  }
}
