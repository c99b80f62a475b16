import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import { type TestDatabase, testServers } from '../support/servers.js';
import { addItem, createShop, run } from '../support/targets.js';

/** One database, and the commands in the order in which somebody may use them. */
describe.each(testServers())('what people read on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  async function text(...args: string[]): Promise<string> {
    const result = await callCli(args, { env: { BELAY_URL: shop.url } });
    expect({ args, exitCode: result.exitCode }).toEqual({ args, exitCode: 0 });
    expect(result.stdout.endsWith('\n')).toBe(true);
    for (const word of ['undefined', 'NaN', '[object', 'null', server.password]) {
      expect(result.stdout + result.stderr).not.toContain(word);
    }
    return result.stdout;
  }

  it('before the first snapshot: what to do next', async () => {
    expect(await text('list')).toContain('belay snapshot TAG');
    expect(await text('status')).toContain('no snapshot');
    expect(await text('repair')).toBe('nothing to repair\n');
    expect(await text('prune', '--keep-last', '1')).toContain('there are no snapshots');
  });

  it('snapshot, list, show, status', async () => {
    const taken = await text('snapshot', 'baseline', '-d', 'the first');
    expect(taken).toContain(`snapshot baseline of "${shop.name}": 1 table, 3 rows`);
    expect(taken).toContain('through the WAL');
    const listed = await text('ls');
    expect(listed).toContain(`${shop.name} on 127.0.0.1:${server.port}: based on "baseline"`);
    expect(listed).toMatch(/^● +baseline +just now +3 .*the first$/m);
    const shown = await text('show', 'baseline');
    expect(shown).toContain('baseline: the first');
    expect(shown).toMatch(/public\.items +3$/m);
    expect(await text('status')).toContain('same schema; same row counts');
  });

  it('diff', async () => {
    await addItem(shop.url, 'wip');
    await run(shop.url, 'ALTER TABLE items ADD COLUMN price int');
    const diff = await text('diff', 'baseline', '--data');
    expect(diff).toContain('from baseline to live');
    expect(diff).toMatch(/\+ column public\.items\.price/);
    expect(diff).toContain('public.items  3 → 4 (+1)');
    expect(diff).toContain('1 added, 0 removed, 0 changed');
    expect(await text('diff', 'live', 'live')).toContain('do not differ');
    expect(await text('status')).toContain(
      'the schema has changed; other row counts: public.items +1',
    );
  });

  it('switch, undo, restore', async () => {
    const switched = await text('switch', 'baseline', '--save', 'wip');
    expect(switched).toContain(`"${shop.name}" is now baseline`);
    expect(switched).toContain('"wip"');
    expect(await text('undo')).toContain('4 rows');
    expect(await text('restore', 'baseline')).toContain('brings it back');
    const listed = await text('list', '-n', '1');
    expect(listed).toMatch(/and \d+ older/);
    expect(listed).toContain('`belay undo` brings back');
    const to = `${shop.name}_to`;
    expect(await text('restore', 'wip', '--to', to)).toContain(`"${to}" is now wip`);
    await run(server.adminUrl, `DROP DATABASE "${to}"`);
  });

  it('rename, protect, prune, delete', async () => {
    expect(await text('rename', 'wip', 'invoices')).toContain('"wip" is now "invoices"');
    expect(await text('protect', 'invoices', '--until', '30d')).toMatch(/until \d{4}-\d\d-\d\d/);
    expect(await text('list')).toContain('protected until');
    expect(await text('protect', 'invoices')).toContain('until `belay unprotect`');
    const shown = await text('prune', '--keep-last', '0', '--dry-run');
    expect(shown).toMatch(/stays +invoices .*protected$/m);
    expect(shown).toContain('nothing was deleted');
    expect(await text('unprotect', 'invoices')).toContain('no longer protected');
    expect(await text('prune', '--keep-last', '0', '-y')).toMatch(
      /deleted \d+ snapshots?: .* freed/,
    );
    expect(await text('delete', 'baseline', '-y')).toContain('deleted "baseline"');
  });

  it('doctor', async () => {
    const examined = await text('doctor');
    expect(examined).toMatch(new RegExp(`^✔ server +PostgreSQL ${server.major}`, 'm'));
    expect(examined).toMatch(/^✔ rights/m);
  });

  it('an error: one line, and one with what to do', async () => {
    const { exitCode, stdout, stderr } = await callCli(['show', 'nothing', '--url', shop.url]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' });
    expect(stderr).toMatch(/^error: no snapshot "nothing": .*\nhint: {2}`belay list` .*\n$/);
  });
});
