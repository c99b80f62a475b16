import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabaseHistory } from '../../src/features/history/database-history.js';
import { callCli } from '../support/call-cli.js';
import { openSession } from '../support/open-session.js';
import { sampleEntry, sampleModel } from '../support/sample-history.js';
import { createTestDatabase, type TestDatabase, testServers } from '../support/servers.js';

describe.each(testServers())('the versions of a schema on $name', (server) => {
  let database: TestDatabase;
  let empty: TestDatabase;
  beforeAll(async () => {
    empty = await createTestDatabase(server, { name: 'versions' });
    database = await createTestDatabase(server, { name: 'versions' });
    const session = await openSession(database.url);
    const history = openDatabaseHistory(session);
    for (const applied of [[], ['1'], ['1', '2'], ['1', '3'], ['1', '3', '2', '4']]) {
      await history.append(sampleEntry(applied), sampleModel(...applied));
    }
    await session.close();
  });
  afterAll(async () => {
    await database.drop();
    await empty.drop();
  });

  const call = (...args: string[]) => callCli(['schema', ...args, '--url', database.url]);

  it('are drawn, with their parents under --json', async () => {
    const text = await call('graph');
    expect(text).toMatchObject({ exitCode: 0, stderr: '' });
    expect(text.stdout.split('\n').map((line) => line.split('  ')[0])).toEqual([
      ...['* 4', '|\\', '| * 3', '* | 2', '|/', '* 1', '* 0', ''],
    ]);
    const { json, stdout } = await call('graph', '--json');
    expect(json).toMatchObject({
      versions: [
        { id: '4', version: '4', parents: ['2', '3'], isCurrent: true, isHead: true },
        { id: '3', version: '3', parents: ['1'] },
        { id: '2', version: '2', parents: ['1'], children: ['4'] },
        { id: '1', version: '1', parents: [], checksum: expect.stringMatching(/^[0-9a-f]{64}$/) },
      ],
      ...{ base: { version: '0' }, current: '4', heads: ['4'] },
    });
    expect((await call('graph', '--format', 'json')).stdout).toBe(stdout);
  });

  it('are drawn for other programs', async () => {
    expect((await call('graph', '--format', 'dot')).stdout).toMatch(/^digraph versions \{\n/);
    expect((await call('graph', '--format', 'mermaid')).stdout).toMatch(/^flowchart BT\n/);
    const { exitCode, stderr } = await call('graph', '--format', 'svg');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('text, json, dot, mermaid');
  });

  it('are listed', async () => {
    const { exitCode, json } = await call('list', '--json');
    expect(exitCode).toBe(0);
    expect(json.current).toBe('4');
    expect(json.versions.map(({ id }: { id: string }) => id)).toEqual(['4', '3', '2', '1', '0']);
    const { stdout } = await call('list');
    expect(stdout).toMatch(/VERSION .*NAME .*SCHEMA\n● +4 +m4 +belay up/);
  });

  it('of which there are none are none', async () => {
    for (const command of ['graph', 'list']) {
      const args = ['schema', command, '--url', empty.url];
      expect((await callCli(args)).stdout).toContain('`belay schema snapshot`');
      const { exitCode, json } = await callCli([...args, '--json']);
      expect(exitCode).toBe(0);
      expect(json).toMatchObject({ versions: [], current: null });
    }
  });
});
