import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBelay, testServers, withSession } from '../support/servers.js';
import { makeServerFolder } from '../support/throwaway-server.js';
import { tellWatchdog } from '../support/watchdog.js';

describe.each(testServers())('belay local with the programs of $name', (server) => {
  let home: string;
  const belay = (...args: string[]) =>
    runBelay(args, { env: { BELAY_HOME: home, BELAY_PG_BIN: server.binDir } });

  beforeAll(async () => {
    home = await makeServerFolder();
    tellWatchdog(join(home, 'local'));
  });
  afterAll(async () => {
    await belay('local', 'stop', '--json');
    await rm(home, { recursive: true, force: true });
  });

  it('says that there is none yet', async () => {
    const { exitCode, json } = await belay('local', 'status', '--json');
    expect({ exitCode, json }).toMatchObject({
      exitCode: 0,
      json: { running: false, url: null, version: null, port: null },
    });
    const stopped = await belay('local', 'stop', '--json');
    expect(stopped).toMatchObject({ exitCode: 0, json: { running: false, stopped: false } });
  });

  it('starts one that snapshots can be taken of at once', async () => {
    const started = await belay('local', 'start', '--json');
    expect(started.exitCode).toBe(0);
    const { url, version, dataDir, running } = started.json;
    expect({ running, major: Number.parseInt(version, 10) }).toEqual({
      running: true,
      major: server.major,
    });
    expect(dataDir.startsWith(home)).toBe(true);
    await withSession(url, (client) => client.query('CREATE TABLE t AS SELECT 1 AS n'));
    const taken = await belay('snapshot', 'first', '--url', url, '--json');
    expect(taken.json).toMatchObject({ tag: 'first', fingerprint: { rows: 1 } });
  });

  it('is the same one at the next start, and for a person its URL is on the screen', async () => {
    const { json } = await belay('local', 'status', '--json');
    const again = await belay('local', 'start');
    expect(again.stdout).toContain(`running: PostgreSQL ${json.version}`);
    expect(again.stdout).toContain(json.url);
  });

  it('takes another port for a mistake', async () => {
    const { exitCode, stderr } = await belay('local', 'stop', '--port', '1');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/the local server uses port \d+, not 1/);
  });

  it('keeps its data between runs', async () => {
    const stopped = await belay('local', 'stop', '--json');
    expect(stopped.json).toMatchObject({ running: false, stopped: true, url: null });
    const { json } = await belay('local', 'start', '--json');
    const listed = await belay('list', '--url', json.url, '--json');
    expect(listed.json.snapshots).toMatchObject([{ tag: 'first' }]);
  });
});
