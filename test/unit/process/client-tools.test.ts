import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseDumpTools } from '../../../src/process/client-tools.js';
import { failure } from '../../support/failure.js';
import { makeTempFolder } from '../../support/temp-folder.js';

/** A folder with programs that say they are of a version. Versions from 90 up are on no machine. */
function fakeTools(version: string, names = ['pg_dump', 'pg_restore']): string {
  const folder = makeTempFolder();
  for (const name of names) {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`);
    chmodSync(file, 0o755);
  }
  return folder;
}

const chooseFrom = async (folders: string[], serverMajor: number, env = {}) => {
  const PATH = [...folders, '/usr/bin', '/bin'].join(':');
  const { pgDump, pgRestore } = await chooseDumpTools(serverMajor, { PATH, ...env });
  return { version: pgDump.version, paths: [pgDump.path, pgRestore.path] };
};
const of = (folder: string, version: string) => ({
  version,
  paths: [join(folder, 'pg_dump'), join(folder, 'pg_restore')],
});

describe('the pg_dump and pg_restore for a server', () => {
  it('are of its own version, else of the next newer one, never of an older one', async () => {
    const [old, own, next, newest] = ['95.9', '96.2', '97.1', '98.0'].map((v) => fakeTools(v));
    const all = [newest, old, next, own].map(String);
    expect(await chooseFrom(all, 96)).toEqual(of(String(own), '96.2'));
    expect(await chooseFrom(all.slice(0, 3), 96)).toEqual(of(String(next), '97.1'));
    await failure(chooseFrom([String(old)], 96), 'TOOL_MISSING');
  });

  it('are the newest of that version', async () => {
    const [older, newer] = [fakeTools('96.2'), fakeTools('96.10')];
    expect(await chooseFrom([older, newer], 96)).toEqual(of(newer, '96.10'));
  });

  it('are both of one folder', async () => {
    const alone = fakeTools('96.3', ['pg_dump']);
    const other = fakeTools('96.3', ['pg_restore']);
    const both = fakeTools('96.1');
    expect(await chooseFrom([alone, other, both], 96)).toEqual(of(both, '96.1'));
  });

  it('are those of BELAY_PG_BIN where they can do it', async () => {
    const [own, asked] = [fakeTools('96.2'), fakeTools('97.1')];
    expect(await chooseFrom([own], 96, { BELAY_PG_BIN: asked })).toEqual(of(asked, '97.1'));
    expect(await chooseFrom([own, asked], 97, { BELAY_PG_BIN: own })).toEqual(of(asked, '97.1'));
  });

  it('are not a wrapper that picks a version each time anew', async () => {
    const [wrapped, plain] = [fakeTools('96.9', ['pg_wrapper']), fakeTools('96.1')];
    for (const name of ['pg_dump', 'pg_restore']) {
      const wrapper = join(wrapped, 'pg_wrapper');
      writeFileSync(wrapper, '#!/bin/sh\necho "pg_dump (PostgreSQL) 96.9"\n');
      symlinkSync(wrapper, join(wrapped, name));
    }
    expect(await chooseFrom([wrapped, plain], 96)).toEqual(of(plain, '96.1'));
  });

  it('that are missing are named, with what there is and what to install', async () => {
    const old = fakeTools('95.1');
    const error = await failure(chooseFrom([old], 96), 'TOOL_MISSING');
    expect(error.message).toBe('pg_dump 95 cannot dump a PostgreSQL 96 server');
    expect(error.hint).toContain(`95.1 in ${old}`);
    expect(error.hint).toContain('client programs of PostgreSQL 96');
    expect(error.exitCode).toBe(6);
  });
});
