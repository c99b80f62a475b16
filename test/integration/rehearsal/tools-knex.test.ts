import { describe, expect, it } from 'vitest';
import { knexFailure, knexProject } from '../../support/rehearsal-projects.js';
import { lossesOf, withTool } from '../../support/rehearsal-tools.js';
import { testServers } from '../../support/servers.js';

describe.each(testServers())('a migration of Knex, rehearsed on $name', (server) => {
  it('does on the copy what it does for real, and nothing else', () =>
    withTool(server, knexProject, async (scene) => {
      const { exitCode, stderr, rehearsal } = await scene.rehearse();
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(rehearsal).toMatchObject({ ok: true, exitCode: 0, timedOut: false, file: null });
      expect(lossesOf(rehearsal)).toEqual({
        'public.knex_migrations': { change: 'kept', rowsInserted: 1, columns: [] },
        'public.people': {
          ...{ change: 'kept', rowsDeleted: 3, rowsUpdated: 2, valuesLost: 6, valuesChanged: 2 },
          columns: ['name kept, 2 changed', 'phone dropped, 6 lost', 'email added, 7 set'],
        },
        'public.visits': { change: 'kept', rowsDeleted: 9, columns: [] },
      });
      expect(rehearsal).toMatchObject({ recordsLost: 18, valuesChanged: 2 });
      expect(rehearsal.untouched).toMatchObject({ status: 'proven' });
      expect(rehearsal.schema).toMatchObject([
        { kind: 'added', name: 'public.people.email' },
        { kind: 'removed', name: 'public.people.phone', safety: 'DATA_LOSS' },
      ]);
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(0);
      await scene.expectFulfilled(rehearsal);
    }));

  it('that fails halfway is reported with what it had done by then', () =>
    withTool(server, knexProject, async (scene) => {
      scene.write(knexFailure);
      const { exitCode, rehearsal } = await scene.rehearse();
      expect(exitCode).toBe(7);
      expect(rehearsal).toMatchObject({ ok: false, exitCode: 1, timedOut: false });
      expect(lossesOf(rehearsal)).toMatchObject({ 'public.visits': { rowsDeleted: 16 } });
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(1);
      await scene.expectFulfilled(rehearsal);
    }));

  it('that loses more than the limits allow is not ok, whatever the tool says of it', () =>
    withTool(server, knexProject, async (scene) => {
      const allowed = await scene.rehearse(['--max-records-lost', '18']);
      expect(allowed).toMatchObject({ exitCode: 0, rehearsal: { ok: true, exceeded: [] } });
      const { exitCode, rehearsal } = await scene.rehearse(['--max-records-lost', '17']);
      expect(exitCode).toBe(3);
      expect(rehearsal).toMatchObject({
        ...{ ok: false, exitCode: 0 },
        exceeded: [{ threshold: 'maxRecordsLost', limit: 17, actual: 18 }],
      });
      await scene.expectUntouched();
    }));
});
