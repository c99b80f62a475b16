import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines } from '../../src/process/program-failure.js';
import { runProgram } from '../../src/process/run.js';

/** A real S3 server (Ceph RGW) with everything in memory and one user. */
export interface S3Server {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export const s3Packages = 'radosgw ceph-mon ceph-osd';
const programs = [
  'radosgw',
  'radosgw-admin',
  'ceph',
  'ceph-authtool',
  'ceph-mon',
  'ceph-osd',
  'monmaptool',
];
const keys = { accessKey: 'test', secretKey: 'testsecret' };
const startTimeoutMs = 60_000;

async function isOnPath(program: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = await Promise.allSettled(
    folders.map((folder) => access(join(folder, program), constants.X_OK)),
  );
  return found.some(({ status }) => status === 'fulfilled');
}

/** What is missing on this machine to start one; empty: nothing. */
export async function missingS3Programs(): Promise<string[]> {
  if (process.platform !== 'linux') return ['Linux'];
  const there = await Promise.all(programs.map(isOnPath));
  return programs.filter((_, index) => !there[index]);
}

/**
 * The server of a folder. Whoever asks first starts it; the others, also in other processes, wait: most runs need none, and
 * it takes seconds.
 */
export async function s3ServerIn(folder: string): Promise<S3Server> {
  const note = join(folder, 'server.json');
  const isFirst = await mkdir(join(folder, 'starting')).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const result = await start(folder).catch((error: Error) => ({ failure: error.message }));
    await writeFile(`${note}.new`, JSON.stringify(result));
    await rename(`${note}.new`, note);
  }
  for (const endsAt = Date.now() + startTimeoutMs; ; await sleep(50)) {
    const text = await readFile(note, 'utf8').catch(() => undefined);
    if (text === undefined && Date.now() < endsAt) continue;
    const result = JSON.parse(text ?? '{"failure":"it takes too long"}');
    if (!result.failure) return result;
    throw new Error(`the S3 server of the tests does not start: ${result.failure}`);
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  // All at once: none of them can get the port of another.
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function configuration(folder: string, fsid: string, ports: readonly number[]): string {
  const [v2, v1, rgw] = ports;
  return `[global]
fsid = ${fsid}
mon host = [v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]
public network = 127.0.0.0/8
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail warn = 1
mon data avail crit = 0
paxos propose interval = 0.05
run dir = ${folder}/run
admin socket =
log file = ${folder}/log/$name.log
pid file = ${folder}/run/$name.pid
keyring = ${folder}/keyring
[mon.a]
mon data = ${folder}/mon
[osd.0]
osd data = ${folder}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${rgw} tcp_nodelay=1
rgw data = ${folder}/rgw
rgw dns name = localhost
`;
}

const caps: Readonly<Record<string, readonly string[]>> = {
  'mon.': ['mon', 'allow *'],
  'client.admin': ['mon', 'allow *', 'osd', 'allow *'],
  'client.rgw': ['mon', 'allow *', 'osd', 'allow *'],
  'osd.0': ['mon', 'allow profile osd', 'osd', 'allow *'],
};

async function start(folder: string): Promise<S3Server> {
  for (const name of ['mon', 'osd', 'rgw', 'run', 'log']) await mkdir(join(folder, name));
  const ports = await freePorts(3);
  const fsid = crypto.randomUUID();
  const config = join(folder, 'ceph.conf');
  await writeFile(config, configuration(folder, fsid, ports));
  const run = (program: string, ...args: string[]) =>
    runProgram(program, args, { mustSucceed: true, timeoutMs: startTimeoutMs, cwd: folder });
  const ceph = (program: string, ...args: string[]) => run(program, '-c', config, ...args);
  await run('ceph-authtool', '--create-keyring', 'keyring');
  for (const [name, grants] of Object.entries(caps)) {
    const pairs = grants.flatMap((grant, index) => (index % 2 === 0 ? ['--cap', grant] : [grant]));
    await run('ceph-authtool', 'keyring', '--gen-key', '-n', name, ...pairs);
  }
  const address = `[v2:127.0.0.1:${ports[0]},v1:127.0.0.1:${ports[1]}]`;
  await run('monmaptool', '--create', '--fsid', fsid, '--addv', 'a', address, 'monmap');
  await ceph('ceph-mon', '--mkfs', '-i', 'a', '--monmap', 'monmap', '--keyring', 'keyring');
  await ceph('ceph-mon', '-i', 'a');
  await ceph('ceph', 'osd', 'create');
  await ceph('ceph-osd', '-i', '0', '--mkfs');
  await ceph('ceph-osd', '-i', '0');
  await ceph('ceph', 'osd', 'crush', 'add', 'osd.0', '1', 'root=default', 'host=local');
  await ceph('radosgw', '-n', 'client.rgw');
  const endpoint = `http://127.0.0.1:${ports[2]}`;
  await waitFor(endpoint, folder);
  await ceph(
    ...(['radosgw-admin', '-n', 'client.rgw', 'user', 'create', '--uid=dev'] as const),
    ...['--display-name=dev', `--access-key=${keys.accessKey}`, `--secret-key=${keys.secretKey}`],
  );
  return { endpoint, ...keys };
}

async function waitFor(endpoint: string, folder: string): Promise<void> {
  for (const endsAt = Date.now() + startTimeoutMs; ; await sleep(100)) {
    const answer = await fetch(endpoint).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() < endsAt) continue;
    const log = await readFile(join(folder, 'log', 'client.rgw.log'), 'utf8').catch(() => '');
    throw new Error(`no answer from ${endpoint}: ${lastLines(log)}`);
  }
}

/** Ends what was started in the folder, and nothing else: its programs name the folder's file. */
export async function endS3Server(folder: string): Promise<void> {
  const config = join(folder, 'ceph.conf');
  for (let round = 0; round < 100; round += 1) {
    const running = await processesWith(config);
    // Nobody will miss what they hold in memory.
    for (const pid of running) process.kill(pid, 'SIGKILL');
    if (running.length === 0) return;
    await sleep(50);
  }
}

async function processesWith(argument: string): Promise<number[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return line.split('\0').includes(argument) ? Number(pid) : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}
