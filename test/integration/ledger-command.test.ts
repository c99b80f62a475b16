import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ledgerKey, type NewLedgerEntry } from '../../src/domain/ledger.js';
import { appendToLedger } from '../../src/features/ledger/append.js';
import { FolderStore } from '../../src/store/folder-store.js';
import { callCli } from '../support/call-cli.js';
import { makeTempFolder } from '../support/temp-folder.js';

const entry: NewLedgerEntry = {
  action: 'restore',
  target: { server: 'db:5432', database: 'shop' },
  snapshot: { id: '0123456789ab', tag: 'before-invoices' },
  ...{ outcome: 'done', rows: 312_004, details: {} },
};

async function makeLedger(count: number) {
  const folder = makeTempFolder();
  const store = new FolderStore(folder);
  for (let n = 0; n < count; n += 1) await appendToLedger(store, { ...entry, rows: n });
  const call = (...args: string[]) => callCli(['ledger', ...args, '--store', folder]);
  return { folder, store, call };
}

describe('belay ledger', () => {
  it('needs a store and no database, and is empty where nothing was done', async () => {
    const { call } = await makeLedger(0);
    expect(await call()).toMatchObject({ exitCode: 0, stdout: 'the ledger is empty\n' });
    expect((await call('--json')).json).toEqual({ entries: [], unreadable: [] });
    const verified = await call('verify', '--json');
    expect(verified.exitCode).toBe(0);
    expect(verified.json).toEqual({ ok: true, entries: 0, manifests: 0, head: null, broken: [] });
  });

  it('shows who did what to which snapshot, newest last', async () => {
    const { store, call } = await makeLedger(3);
    await appendToLedger(store, {
      ...{ action: 'refusal', target: entry.target, snapshot: null, outcome: 'refused' },
      ...{ rows: null, details: { refused: 'delete', code: 'PROTECTED' } },
    });
    const { exitCode, stdout } = await call();
    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/NO +WHEN +WHO +ACTION +DATABASE +SNAPSHOT +ROWS +OUTCOME/);
    expect(lines[3]).toMatch(/^ *3 .*@.* restore +shop +before-invoices +2 +done$/);
    expect(lines[4]).toMatch(/^ *4 .* refusal of delete +shop +refused$/);
    const { json } = await call('--json', '-n', '2');
    expect(json.entries.map(({ number }: { number: number }) => number)).toEqual([3, 4]);
  });

  it('what somebody wrote into an entry cannot steer the terminal', async () => {
    const { store, call } = await makeLedger(0);
    await appendToLedger(store, { ...entry, action: '\u001b[2Jgone\u0007' });
    const { stdout } = await call();
    expect(stdout).toContain('gone');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).not.toContain('\u0007');
  });

  it('verify: exit 0 and the head while it is whole, 7 and what is wrong when not', async () => {
    const { folder, call } = await makeLedger(4);
    const whole = await call('verify', '--json');
    expect(whole).toMatchObject({ exitCode: 0, json: { ok: true, entries: 4 } });
    const { sha256 } = whole.json.head;
    expect((await call('verify')).stdout).toContain(`head: 4 ${sha256}`);
    expect((await call('verify', '--head', sha256)).exitCode).toBe(0);
    await rm(join(folder, ledgerKey(2)));
    const broken = await call('verify', '--json');
    expect(broken).toMatchObject({ exitCode: 7, stderr: '' });
    expect(broken.json).toMatchObject({
      ...{ ok: false, entries: 3 },
      broken: [{ number: 2, why: 'it is missing' }],
    });
    const shown = await call('verify');
    expect(shown.exitCode).toBe(7);
    expect(shown.stdout).toContain('entry 2: it is missing');
  });

  it('verify --head of what is not there is exit 7, of what is no hash 2', async () => {
    const { call } = await makeLedger(2);
    expect((await call('verify', '--head', 'a'.repeat(64))).exitCode).toBe(7);
    expect((await call('verify', '--head', 'latest', '--json')).json.error.code).toBe('USAGE');
    expect((await call('-n', 'few')).exitCode).toBe(2);
  });
});
