import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { localServerPlace, localServerUrl } from '../../../src/features/local/local-server.js';
import { fitsSocketPath } from '../../../src/process/cluster-folder.js';
import {
  anyFreePort,
  choosePort,
  defaultPort,
  isPortFree,
} from '../../../src/process/free-port.js';
import { parsePostmasterFile } from '../../../src/process/postmaster-file.js';
import { serverEnvironment } from '../../../src/process/server-environment.js';

describe('parsePostmasterFile', () => {
  const whole = '4711\n/data\n1700000000\n54320\n/sockets\n127.0.0.1\n  1 2\nready   \n';

  it('reads a whole file', () => {
    expect(parsePostmasterFile(whole)).toEqual({
      pid: 4711,
      dataDir: '/data',
      startedAtSeconds: 1700000000,
      port: 54320,
      socketDir: '/sockets',
      status: 'ready',
    });
  });

  it('reads one that is being written', () => {
    for (let length = 0; length < whole.length; length += 1) {
      const status = parsePostmasterFile(whole.slice(0, length))?.status;
      expect(status === undefined || status === 'unknown' || status === 'ready').toBe(true);
    }
    expect(parsePostmasterFile('4711\n/data\n')).toMatchObject({ port: null, socketDir: null });
    expect(parsePostmasterFile('')).toBeNull();
    expect(parsePostmasterFile('x\n')).toBeNull();
  });

  it('reads the negative pid of a server in single-user mode', () => {
    expect(parsePostmasterFile('-4711\n/data\n')?.pid).toBe(4711);
  });
});

describe('ports', () => {
  it('takes the one used before, and another where that is taken', async () => {
    const free = await anyFreePort();
    expect(await choosePort(undefined, free)).toBe(free);
    expect(await choosePort(free, 1)).toBe(free);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(free, '127.0.0.1', resolve));
    try {
      expect(await isPortFree(free)).toBe(false);
      expect(await choosePort(undefined, free)).toBeGreaterThanOrEqual(defaultPort);
      await expect(choosePort(free)).rejects.toMatchObject({ code: 'PORT_TAKEN', exitCode: 5 });
    } finally {
      server.close();
    }
  });
});

describe('what a server gets of the environment', () => {
  it('is no secret and nothing that changes it', () => {
    const env = {
      PATH: '/bin',
      LANG: 'C',
      LC_ALL: 'de',
      PGPASSWORD: 'x',
      PGDATA: 'y',
      AWS_SECRET_ACCESS_KEY: 'z',
    };
    expect(serverEnvironment(env)).toEqual({
      PATH: '/bin',
      LANG: 'C',
      LC_ALL: 'de',
      LC_MESSAGES: 'C',
    });
  });
});

describe('where a local server is', () => {
  it('is in the data folder, which root may have to share', () => {
    const place = localServerPlace({ env: { BELAY_HOME: '/data/belay' } });
    expect(place).toEqual({ home: '/data/belay', folder: '/data/belay/local' });
    expect(localServerPlace({ home: '/mine' }).folder).toBe('/mine/local');
    const usual = localServerPlace({ env: { HOME: '/home/a', XDG_DATA_HOME: '/xdg' } }).home;
    expect(usual).toBe(process.getuid?.() === 0 ? '/var/lib/belay' : '/xdg/belay');
  });

  it('is a URL with its password', () => {
    expect(localServerUrl(54320, 'a b')).toBe('postgres://postgres:a%20b@127.0.0.1:54320/app');
  });

  it('has a socket only where the path is short enough for every system', () => {
    expect(fitsSocketPath('/tmp/belay')).toBe(true);
    expect(fitsSocketPath(`/tmp/${'x'.repeat(100)}`)).toBe(false);
    expect(fitsSocketPath(`/tmp/${'é'.repeat(45)}`)).toBe(false);
  });
});
