import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway } from '../../src/gateway/gateway.js';
import type { GatewayRoute } from '../../src/gateway/routes.js';
import { anyFreePort } from '../../src/process/free-port.js';
import { runProgram } from '../../src/process/run.js';
import { findServerUser } from '../../src/process/server-user.js';
import type { Bar } from '../bars.js';
import { type BenchServer, runSql } from '../server.js';
import type { SuiteContext } from '../suite.js';
import { align } from '../tables.js';

/** What pgbench told, one number a run: transactions each second, and milliseconds of a statement that takes 10. */
interface Throughput {
  readonly perSecond: number[];
  readonly sleepMs: number[];
}

export interface GatewayResult {
  readonly name: string;
  readonly direct: Throughput;
  readonly gateway: Throughput;
  /** Null: there is no PgBouncer on this machine. */
  readonly pgBouncer: Throughput | null;
}

const database = 'gateway_bench';
const clients = 8;
const secondsEach = 5;
const throughputLimit = 0.5;
const latencyLimit = 1.1;

/** Where pgbench connects to. */
interface Way {
  readonly name: string;
  readonly port: number;
  readonly password: string;
  readonly result: Throughput;
}

/** The same load straight to the server, through the gateway and through PgBouncer, in turn. */
export async function measureGateway(
  server: BenchServer,
  { options, say }: SuiteContext,
): Promise<GatewayResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'belay-gateway-'));
  await chmod(folder, 0o755);
  await runSql(server, `CREATE DATABASE ${database}`);
  const gateway = await startGateway(routesTo(server), {
    ...{ user: 'postgres', password: server.password, port: 0 },
  });
  const bouncer = await startPgBouncer(server, folder);
  const way = (name: string, port: number): Way => ({
    ...{ name, port, password: server.password, result: { perSecond: [], sleepMs: [] } },
  });
  const direct = way('direct', server.port);
  const through = way('gateway', gateway.port);
  const bouncing = bouncer && way('PgBouncer', bouncer.port);
  try {
    const sleeping = path.join(folder, 'sleep.sql');
    await writeFile(sleeping, 'SELECT pg_sleep(0.01);\n');
    await pgbench(direct, ['-i', '-q', '-s', '5']);
    for (let run = 0; run < options.runs; run += 1) {
      for (const each of [direct, through, ...(bouncing ? [bouncing] : [])]) {
        const select = await pgbench(each, [...loadOptions, '-S']);
        const sleep10 = await pgbench(each, [...loadOptions, '-n', '-f', sleeping]);
        each.result.perSecond.push(numberIn(select, /tps = ([\d.]+)/));
        each.result.sleepMs.push(numberIn(sleep10, /latency average = ([\d.]+)/));
        say(`  ${each.name}: ${Math.round(each.result.perSecond.at(-1) ?? 0)} tps`);
      }
    }
  } finally {
    bouncer?.child.kill('SIGKILL');
    await gateway.close();
    await runSql(server, `DROP DATABASE ${database} WITH (FORCE)`);
    await rm(folder, { recursive: true, force: true });
  }
  return {
    name: `PostgreSQL ${server.installation.version}`,
    ...{ direct: direct.result, gateway: through.result, pgBouncer: bouncing?.result ?? null },
  };
}

const loadOptions = ['-c', String(clients), '-T', String(secondsEach)];

function routesTo(server: BenchServer) {
  const route: GatewayRoute = {
    branch: null,
    key: database,
    settings: {
      hosts: [{ host: '127.0.0.1', port: server.port }],
      ...{ user: 'postgres', password: server.password, database },
      ...{ ssl: { mode: 'disable' }, connectTimeoutMs: 10_000 },
    },
  };
  return { database, find: async () => route, watch: () => () => {}, used: () => {} };
}

async function pgbench({ port, password }: Way, args: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, PGPASSWORD: password };
  const where = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', database];
  const done = await runProgram('pgbench', [...args, ...where], { env, mustSucceed: true });
  return done.stdout;
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

/** Session mode, over TCP and with SCRAM on both sides, as the gateway. */
async function startPgBouncer(
  server: BenchServer,
  folder: string,
): Promise<{ child: ChildProcess; port: number } | null> {
  const program = process.env.BELAY_BENCH_PGBOUNCER ?? 'pgbouncer';
  const port = await anyFreePort();
  const { uid, gid } = await findServerUser();
  const users = path.join(folder, 'users.txt');
  const config = path.join(folder, 'pgbouncer.ini');
  await writeFile(users, `"postgres" "${server.password}"\n`, { mode: 0o600 });
  const lines = [
    ...['[databases]', `${database} = host=127.0.0.1 port=${server.port}`],
    ...['[pgbouncer]', 'listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir ='],
    ...['auth_type = scram-sha-256', `auth_file = ${users}`, 'pool_mode = session'],
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  if (uid !== undefined && gid !== undefined) await chown(users, uid, gid);
  const child = spawn(program, ['-q', config], { uid, gid, stdio: 'ignore' });
  let isGone = false;
  child.on('error', () => {
    isGone = true;
  });
  child.on('exit', () => {
    isGone = true;
  });
  for (let tries = 0; tries < 100 && !isGone; tries += 1) {
    if (await answers(port)) return { child, port };
    await sleep(50);
  }
  return null;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** What Belay promises about its gateway. */
export function gatewayBars({ name, gateway, pgBouncer }: GatewayResult): Bar[] {
  if (!pgBouncer) return [];
  const throughput = median(gateway.perSecond) / median(pgBouncer.perSecond);
  const latency = median(gateway.sleepMs) / median(pgBouncer.sleepMs);
  return [
    {
      bar: `gateway: at least ${throughputLimit} times PgBouncer's throughput, ${clients} clients`,
      ...{ where: name, measured: `${throughput.toFixed(2)} times` },
      met: throughput >= throughputLimit,
    },
    {
      bar: `gateway: queries of 10 ms within ${latencyLimit} times PgBouncer's`,
      ...{ where: name, measured: `${latency.toFixed(2)} times` },
      met: latency <= latencyLimit,
    },
  ];
}

/** All of it as lines. */
export function renderGateway({ name, direct, gateway, pgBouncer }: GatewayResult): string[] {
  const row = (what: string, { perSecond, sleepMs }: Throughput) => [
    what,
    `${Math.round(median(perSecond))} tps`,
    `${median(sleepMs).toFixed(2)} ms`,
  ];
  const rows = [
    ['way', 'pgbench -S', 'pg_sleep(0.01)'],
    row('direct', direct),
    row('gateway', gateway),
    ...(pgBouncer ? [row('PgBouncer', pgBouncer)] : []),
  ];
  const missing = pgBouncer ? [] : ['  PgBouncer is not on this machine: no comparison with it'];
  return ['', `== gateway: ${name} ==`, ...align(rows).map((line) => `  ${line}`), ...missing];
}
