import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testServers } from '../../support/servers.js';
import {
  dropScene,
  itemsOf,
  makeScene,
  nodeScript,
  runCommandOn,
  type Scene,
} from './isolation-scene.js';

describe.each(testServers())('a command on a copy on $name', (server) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await makeScene(server);
  });
  afterAll(() => dropScene(scene));

  it('finds the copy in DATABASE_URL, and the target is proven untouched', async () => {
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': nodeScript(`INSERT INTO items VALUES (2, 'harness')`) },
    });
    expect(run).toMatchObject({ exitCode: 0, signal: null, timedOut: false, leftBehind: 0 });
    expect(run.untouched).toMatchObject({ status: 'proven' });
    expect(run).toMatchObject({ copySessions: 1, notes: [] });
    expect(await itemsOf(scene.copy.url)).toEqual(['rope', 'harness']);
    expect(await itemsOf(scene.target.url)).toEqual(['rope']);
  });
});
