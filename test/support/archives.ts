import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, expect } from 'vitest';
import type { Fingerprint } from '../../src/domain/fingerprint.js';
import { type ArchiveManifest, encodeManifest, parseManifest } from '../../src/domain/manifest.js';
import { portableChecksum } from '../../src/domain/schema-model.js';
import {
  type CheckpointOptions,
  type CheckpointResult,
  type Snapshot,
  type Target,
  takeCheckpoint,
} from '../../src/index.js';
import { readContentHashes } from '../../src/postgres/content-hash.js';
import { readFingerprint } from '../../src/postgres/fingerprint.js';
import { libpqEnvironment } from '../../src/postgres/libpq-environment.js';
import { Session } from '../../src/postgres/session.js';
import { resolveConnection } from '../../src/postgres/settings.js';
import type { DumpTools } from '../../src/process/client-tools.js';
import type { ClientTool } from '../../src/process/postgres-installation.js';
import { runProgram } from '../../src/process/run.js';
import { withTarget } from './targets.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import type { TestServer } from './throwaway-server.js';
import { tellWatchdog } from './watchdog.js';

/** Path of a store for the tests of a file, and of what lies beside it. Removed after them. */
export function storeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'belay-store-'));
  tellWatchdog(folder);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'store');
}

/** A new path beside a store. */
export function beside(store: string, name = 'place'): string {
  return join(dirname(store), `${name}-${randomBytes(5).toString('hex')}`);
}

/** A copy of a store, for changing it. */
export async function copyOf(store: string): Promise<string> {
  const copy = beside(store, 'copy');
  await cp(store, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** The target of a URL with a store of its own. */
export function withStore<T>(
  url: string,
  store: string,
  work: (target: Target) => Promise<T>,
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  return withTarget(url, work, { BELAY_STORE: store, ...env });
}

/** A checkpoint that has to be proven, or sealed where no drill is wanted. */
export async function checkpoint(
  url: string,
  store: string,
  options: CheckpointOptions = {},
): Promise<CheckpointResult> {
  const result = await withStore(url, store, (target) => takeCheckpoint(target, options));
  expect({ ok: result.ok, differences: result.differences }).toEqual({ ok: true, differences: [] });
  return result;
}

/** Path of the one archive of a snapshot, in a folder store. */
export function archiveFile({ copies }: Pick<Snapshot, 'copies'>): string {
  const archive = copies.find((copy) => copy.type === 'archive');
  if (!archive) throw new Error('the snapshot has no archive');
  return archive.location;
}

/** Keys of everything in a folder store, sorted, as far as it begins or ends like that. */
export async function keysOf(store: string, pattern = /./): Promise<string[]> {
  const entries = await readdir(store, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(store.length + 1))
    .filter((key) => pattern.test(key))
    .sort();
}

/** Path of the manifest with a tag. */
export async function manifestFile(store: string, tag: string): Promise<string> {
  const [key, ...more] = await keysOf(store, new RegExp(`/manifests/${tag}\\.json$`));
  if (!key || more.length > 0) throw new Error(`not one manifest "${tag}" in ${store}`);
  return join(store, key);
}

export async function readManifest(store: string, tag: string): Promise<ArchiveManifest> {
  const parsed = parseManifest(await readFile(await manifestFile(store, tag)));
  if (parsed.type !== 'manifest') throw new Error(`the manifest "${tag}" is ${parsed.type}`);
  return parsed.manifest;
}

/** Changes what a manifest says and seals it again, as somebody who can write to the store could. */
export async function forgeManifest(
  store: string,
  tag: string,
  change: (manifest: ArchiveManifest) => ArchiveManifest,
): Promise<void> {
  const forged = encodeManifest(change(await readManifest(store, tag)));
  await writeFile(await manifestFile(store, tag), forged);
}

/** An environment in which pg_dump and pg_restore run some lines of shell before they do their work. */
export async function withScripts(
  store: string,
  { pgDump, pgRestore }: DumpTools,
  scripts: { readonly pgDump?: string; readonly pgRestore?: string },
): Promise<NodeJS.ProcessEnv> {
  const bin = beside(store, 'bin');
  await mkdir(bin);
  const programs = {
    pg_dump: [pgDump, scripts.pgDump],
    pg_restore: [pgRestore, scripts.pgRestore],
  };
  for (const [name, [tool, script = '']] of Object.entries(programs) as [
    string,
    [ClientTool, string?],
  ][]) {
    const lines = ['#!/bin/sh', 'if [ "$1" != --version ]; then :', script, 'fi'];
    const text = [...lines, `exec '${tool.path}' "$@"`, ''].join('\n');
    await writeFile(join(bin, name), text, { mode: 0o755 });
  }
  return { PATH: `${bin}${delimiter}${process.env.PATH}` };
}

/** Restores a file as somebody without Belay would, into a new database. Drop it. */
export async function restorePlainly(
  server: TestServer,
  pgRestore: string,
  file: string,
): Promise<TestDatabase> {
  const database = await createTestDatabase(server, { name: 'plain' });
  const settings = await resolveConnection({ url: database.url, env: {} });
  const env = libpqEnvironment(settings, { applicationName: 'belay-test' });
  await runProgram(pgRestore, ['--dbname=', '--exit-on-error', file], {
    ...{ env, mustSucceed: true },
  });
  return database;
}

/** Schema, rows by content, and sequences of a database. */
export interface DatabaseState {
  readonly fingerprint: Fingerprint;
  readonly portableChecksum: string;
  readonly content: Readonly<Record<string, string>>;
}

export async function stateOf(url: string): Promise<DatabaseState> {
  const settings = await resolveConnection({ url, env: {} });
  const session = await Session.open(settings, { applicationName: 'belay-test' });
  try {
    const open = async () => session;
    const { fingerprint, model } = await readFingerprint(open, { parallel: 1 });
    const content = await readContentHashes(open, { parallel: 1 });
    return { fingerprint, portableChecksum: portableChecksum(model), content };
  } finally {
    await session.close();
  }
}
