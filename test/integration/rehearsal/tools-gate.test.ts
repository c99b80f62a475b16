import { describe, expect, it } from 'vitest';
import { knexFailure, knexProject } from '../../support/rehearsal-projects.js';
import { lossesOf, type ToolScene, withTool } from '../../support/rehearsal-tools.js';
import { testServers } from '../../support/servers.js';

/** The only one here with pg_dump, which a checkpoint needs. */
const servers = testServers().filter(({ major }) => major === 15);

const done = {
  'public.knex_migrations': { change: 'kept', rowsInserted: 1, columns: [] },
  'public.people': {
    ...{ change: 'kept', rowsDeleted: 3, rowsUpdated: 2, valuesLost: 6, valuesChanged: 2 },
    columns: ['name kept, 2 changed', 'phone dropped, 6 lost', 'email added, 7 set'],
  },
  'public.visits': { change: 'kept', rowsDeleted: 9, columns: [] },
};

const gate = (scene: ToolScene, ...options: string[]) =>
  scene.belay([
    ...['run', '--json', '--checkpoint', '--rehearse', ...options, '--', ...knexProject.command],
  ]);

describe.each(servers)('checkpoint, drill, rehearsal and migration in one, on $name', (server) => {
  it('goes on to the real database where the rehearsal stays within the limits', () =>
    withTool(server, knexProject, async (scene) => {
      const { exitCode, stderr, json } = await gate(scene, '--max-records-lost', '18');
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(json).toMatchObject({
        ...{ ok: true, exitCode: 0, checkpoint: { ok: true, restore_drill: 'proven' } },
        rehearsal: { ok: true, recordsLost: 18, exceeded: [], source: { kind: 'checkpoint' } },
      });
      // It was rehearsed on what the checkpoint's own archive gives back.
      expect(lossesOf(json.rehearsal)).toEqual(done);
      await scene.expectFulfilled(json.rehearsal);
    }));

  it('never runs the command where the rehearsal goes beyond a limit: exit 3', () =>
    withTool(server, knexProject, async (scene) => {
      const { exitCode, stderr, json } = await gate(scene, '--max-records-lost', '17');
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 3 });
      expect(json).toMatchObject({
        ...{ ok: false, exitCode: null, checkpoint: { ok: true } },
        rehearsal: { ok: false, exceeded: [{ threshold: 'maxRecordsLost', actual: 18 }] },
      });
      await scene.expectUntouched();
    }));

  it('takes its limits from the config', () =>
    withTool(server, knexProject, async (scene) => {
      const config = { rehearsal: { maxRecordsLost: 100, maxValuesChanged: 1 } };
      scene.write({ 'belay.config.json': JSON.stringify(config) });
      const { exitCode, stderr, json } = await gate(scene);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 3 });
      expect(json.rehearsal.exceeded).toMatchObject([{ threshold: 'maxValuesChanged', limit: 1 }]);
      await scene.expectUntouched();
    }));

  it('never runs the command for real that fails on the copy: exit 7', () =>
    withTool(server, knexProject, async (scene) => {
      scene.write(knexFailure);
      const { exitCode, stderr, json } = await gate(scene);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 7 });
      expect(json).toMatchObject({ ok: false, exitCode: null, rehearsal: { exitCode: 1 } });
      await scene.expectUntouched();
    }));
});
