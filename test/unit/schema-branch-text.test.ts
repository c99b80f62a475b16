import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { branchPath, withSearchPath } from '../../src/domain/schema-branch-settings.js';
import {
  formatPath,
  leadBody,
  leadSql,
  leadStrings,
  pathItems,
  type SchemaNames,
} from '../../src/domain/schema-branch-text.js';

const names: SchemaNames = { from: 'app', to: 'app_x', quotedTo: 'app_x', kept: new Set() };
const lead = (body: string, more: Partial<SchemaNames> = {}, language = 'plpgsql') =>
  leadBody({ language, body, name: 'f', arguments: [] }, { ...names, ...more });

describe('leading the body of a routine to another schema', () => {
  it.each([
    ['SELECT * FROM app.orders', 'SELECT * FROM app_x.orders'],
    ['SELECT app.orders.id FROM APP . orders', 'SELECT app_x.orders.id FROM app_x. orders'],
    ['SELECT * FROM "app"."Orders"', 'SELECT * FROM app_x."Orders"'],
    [
      'DECLARE r app.orders%ROWTYPE; n app.orders.id%TYPE;',
      'DECLARE r app_x.orders%ROWTYPE; n app_x.orders.id%TYPE;',
    ],
    [`SELECT nextval('app.seq')`, `SELECT nextval('app_x.seq')`],
    [`SELECT 'app.orders'::regclass`, `SELECT 'app_x.orders'::regclass`],
    [`SELECT 'app."O''s"'::regclass`, `SELECT 'app_x."O''s"'::regclass`],
    [`EXECUTE 'DELETE FROM app.orders';`, `EXECUTE 'DELETE FROM app_x.orders';`],
    [
      `EXECUTE $q$ DELETE FROM app.o WHERE n = 'app.o'::regclass $q$ USING 1;`,
      `EXECUTE $q$ DELETE FROM app_x.o WHERE n = 'app_x.o'::regclass $q$ USING 1;`,
    ],
    [`EXECUTE format('DROP TABLE app.%I', n);`, `EXECUTE format('DROP TABLE app_x.%I', n);`],
    ['SET LOCAL search_path TO app, public;', 'SET LOCAL search_path TO app_x, public;'],
    [
      `PERFORM set_config('search_path', 'app, public', true);`,
      `PERFORM set_config('search_path', 'app_x, public', true);`,
    ],
    [
      'GRANT SELECT ON ALL TABLES IN SCHEMA app TO x',
      'GRANT SELECT ON ALL TABLES IN SCHEMA app_x TO x',
    ],
    ['SELECT 1 OPERATOR(app.===) 2', 'SELECT 1 OPERATOR(app_x.===) 2'],
  ])('%s', (before, after) => {
    expect(lead(before)).toEqual({ text: after, notes: [], doubts: [] });
  });

  it.each([
    '-- app.orders is the list\nSELECT 1 /* app.orders */',
    'SELECT application.id, my_app.x, x.app.y, "APP".z FROM o',
    `SELECT 'the app is down'`,
    `RAISE NOTICE 'in app.orders';`,
  ])('leaves alone: %s', (body) => {
    expect(lead(body)).toEqual({ text: body, notes: [], doubts: [] });
  });

  it('only tells of a text that nothing runs', () => {
    const led = lead(`INSERT INTO log VALUES ('app.orders')`);
    expect(led).toMatchObject({ doubts: [], notes: [expect.stringContaining('app.orders')] });
  });

  it.each([
    [`EXECUTE 'SELECT * FROM app.' || name;`],
    [`EXECUTE 'SELECT * FROM ' || 'app' || '.orders';`],
    [`EXECUTE concat('app', '.', name);`],
    [`q := 'SELECT 1 FROM app.orders'; EXECUTE q;`],
    [`PERFORM dblink('x', 'DELETE FROM app.orders');`],
    [`EXECUTE E'DELETE FROM app.orders WHERE a = ' || x;`],
    ['SELECT app.id FROM app.orders app'],
  ])('cannot be sure of: %s', (body) => {
    expect(lead(body).doubts).not.toEqual([]);
  });

  it('cannot be sure where an argument is called like the schema', () => {
    const routine = { language: 'sql', body: 'SELECT app.x', name: 'f', arguments: ['app'] };
    expect(leadBody(routine, names).doubts).toHaveLength(1);
    expect(leadBody({ ...routine, body: 'SELECT 1' }, names).doubts).toEqual([]);
  });

  it('knows nothing of other languages', () => {
    expect(lead('plpy.execute("select * from app.orders")', {}, 'plpython3u').doubts).toHaveLength(
      1,
    );
    expect(lead('return app_name', {}, 'plpython3u').doubts).toEqual([]);
    expect(lead('app.so', {}, 'c')).toEqual({ text: 'app.so', notes: [], doubts: [] });
  });

  it('leaves what extensions made where it is', () => {
    const own = { from: 'public', to: 'p_x', quotedTo: 'p_x', kept: new Set(['citext', '@>']) };
    const body = `SELECT a::public.citext OPERATOR(public.@>) b FROM public.t; GRANT SELECT ON t TO PUBLIC`;
    expect(lead(body, own)).toEqual({
      ...{ notes: [], doubts: [] },
      text: `SELECT a::public.citext OPERATOR(public.@>) b FROM p_x.t; GRANT SELECT ON t TO PUBLIC`,
    });
  });

  it('writes odd names in quotes, in strings too', () => {
    const odd = { from: `O'Neil "x"`, to: `o"'`, quotedTo: `"o""'"` };
    expect(lead(`SELECT nextval('"O''Neil ""x""".s') FROM "O'Neil ""x""".t`, odd)).toEqual({
      ...{ notes: [], doubts: [] },
      text: `SELECT nextval('"o""''".s') FROM "o""'".t`,
    });
  });

  test('never touches a text without the name, nor what stands around a name', () => {
    const piece = fc.constantFrom(
      ...[
        'SELECT 1;',
        ' ',
        '\n',
        '-- c\n',
        `'it''s'`,
        '"q"',
        '$$x$$',
        'app.t',
        'x',
        '(',
        ')',
        ',',
        "E'\\''",
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const sql = pieces.join(' ');
        expect(leadSql(sql, names).text.replaceAll('app_x.', 'app.')).toBe(sql);
      }),
    );
  });
});

describe('leading the strings of an expression', () => {
  it('changes names that are looked up, and nothing else', () => {
    expect(leadStrings(`nextval('app.seq'::text)`, names).text).toBe(`nextval('app_x.seq'::text)`);
    expect(leadStrings(`app.f('x')`, names).text).toBe(`app.f('x')`);
    expect(leadStrings(`('app.t'::text || x)`, names).notes).toHaveLength(1);
    expect(leadStrings(`to_regclass(('app.'::text || x))`, names).doubts).toHaveLength(1);
  });
});

describe('the search_path of a branch', () => {
  const record = { schema: 'app_x', sourceSchema: 'app' };
  const facts = { path: '"$user", public', hasExtensions: false, user: 'me' };
  it.each([
    [{}, 'app_x,"$user",public'],
    [{ path: 'app, public' }, 'app_x,public'],
    [{ path: '"$user", public', user: 'app' }, 'app_x,public'],
    [{ path: 'util, app, public', hasExtensions: true }, 'util,app_x,public,app'],
    [{ path: '' }, 'app_x'],
  ])('%j', (more, path) => {
    expect(branchPath(record, { ...facts, ...more })).toBe(path);
  });

  it('is escaped in libpq options, behind what is there', () => {
    const path = branchPath(
      { schema: 'My \\"App', sourceSchema: 'app' },
      { ...facts, path: 'app' },
    );
    expect(path).toBe('"My \\""App"');
    expect(withSearchPath('-c geqo=off', path)).toBe('-c geqo=off -c search_path="My\\ \\\\""App"');
  });

  test('is read as it is written', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }).filter((s) => s.trim() === s)), (items) => {
        expect(pathItems(formatPath(items))).toEqual(items);
      }),
    );
  });
});
