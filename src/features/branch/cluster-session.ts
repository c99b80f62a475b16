import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BelayError } from '../../errors.js';
import { Session } from '../../postgres/session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import { branchClusterPaths, readConnection } from '../../process/branch-cluster.js';
import { readClusterState } from '../../process/cluster.js';
import { replaceFile } from '../../process/cluster-folder.js';

/** What Belay has to know of a branch's server to look after it. */
export interface ServerFacts {
  readonly superuser: string;
  readonly maintenanceDatabase: string;
}

function factsFile(folder: string): string {
  return join(folder, 'server.json');
}

export async function writeServerFacts(folder: string, facts: ServerFacts): Promise<void> {
  await replaceFile(factsFile(folder), `${JSON.stringify(facts, null, 2)}\n`);
}

export async function readServerFacts(folder: string): Promise<ServerFacts | undefined> {
  try {
    const { superuser, maintenanceDatabase } = JSON.parse(
      await readFile(factsFile(folder), 'utf8'),
    );
    const isWhole = typeof superuser === 'string' && typeof maintenanceDatabase === 'string';
    return isWhole ? { superuser, maintenanceDatabase } : undefined;
  } catch {
    return undefined;
  }
}

/** How to reach a server through its socket: nobody but its user and root can get at that. */
export function socketSettings(
  socketDir: string,
  port: number,
  { superuser, maintenanceDatabase }: ServerFacts,
): ConnectionSettings {
  return {
    hosts: [{ host: socketDir, port }],
    user: superuser,
    database: maintenanceDatabase,
    ssl: { mode: 'disable' },
    connectTimeoutMs: 10_000,
  };
}

/** How to reach a branch. */
export function branchSettings(
  { host, port, user, password, database }: NonNullable<Awaited<ReturnType<typeof readConnection>>>,
  options: string | undefined,
): ConnectionSettings {
  return {
    hosts: [{ host, port }],
    ...{ user, password, database, options },
    // The server has no certificate, and what it says never leaves this machine.
    ssl: { mode: 'prefer' },
    connectTimeoutMs: 10_000,
  };
}

/**
 * Opens a session on a branch's server that runs, as its first superuser. Where the server does not let this user of the
 * machine in, as the one of the branch's URL.
 *
 * @param database default: the maintenance database
 */
export async function openBranchServer(
  folder: string,
  applicationName: string,
  database?: string,
): Promise<Session> {
  const facts = await readServerFacts(folder);
  const connection = await readConnection(folder);
  const { record, port } = await readClusterState(folder);
  if (!facts || !connection || !record || port === null) {
    const { dataDir } = branchClusterPaths(folder);
    throw new BelayError('BRANCH_DAMAGED', `the server on ${dataDir} cannot be asked`, {
      hint: 'Stop the branch and start it again.',
    });
  }
  const options = { applicationName, database: database ?? facts.maintenanceDatabase };
  try {
    return await Session.open(socketSettings(record.socketDir, port, facts), options);
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'AUTHENTICATION_FAILED') throw error;
    return Session.open(branchSettings({ ...connection, port }, undefined), options);
  }
}
