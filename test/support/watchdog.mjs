/**
 * Ends servers and removes their folders when the process that started them is gone, however it went:
 * its end closes this program's stdin. Each line of stdin names one folder; "@" before it: a mount point, "-": done with.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const folders = new Set();
const mountPoints = new Set();

/** The postmaster of a folder, only if it certainly is one. */
function postmasterOf(folder) {
  try {
    const dataDir = join(folder, 'data');
    const pid = Number.parseInt(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'), 10);
    if (process.platform === 'linux') {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir) ? pid : undefined;
    }
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

async function endServer(folder) {
  for (let round = 0; round < 100; round += 1) {
    const pid = postmasterOf(folder);
    if (pid === undefined) return;
    // Immediate shutdown: nobody will miss the data. SIGKILL only for one that does not react.
    if (round === 0) send(pid, 'SIGQUIT');
    if (round === 60) send(pid, 'SIGKILL');
    await sleep(100);
  }
}

/** What runs with the configuration of the folder's S3 server. */
function s3ProcessesOf(folder) {
  if (process.platform !== 'linux') return [];
  const config = join(folder, 'ceph.conf');
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(config);
    } catch {
      return false;
    }
  });
}

async function endS3Server(folder) {
  for (let round = 0; round < 100; round += 1) {
    const pids = s3ProcessesOf(folder);
    if (pids.length === 0) return;
    for (const pid of pids) send(Number(pid), 'SIGKILL');
    await sleep(50);
  }
}

async function clean(folder) {
  await endServer(folder);
  await endS3Server(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('-')) {
    folders.delete(line.slice(1));
    mountPoints.delete(line.slice(1));
  } else if (line.startsWith('@')) mountPoints.add(line.slice(1));
  else folders.add(line);
}
await Promise.all([...folders].map(clean));
for (const mountPoint of mountPoints) {
  spawnSync('umount', [mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
}
