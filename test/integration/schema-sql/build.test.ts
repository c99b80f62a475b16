import { describe, expect, test } from 'vitest';
import { createStatements } from '../../../src/domain/schema-ddl/create-statements.js';
import { versionChecksum } from '../../../src/domain/schema-model.js';
import { buildSchema } from '../../../src/postgres/schema/build-schema.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import { runStatements } from '../../../src/postgres/schema/run-statements.js';
import { withDatabaseOf } from '../../support/random-schema/make-schema.js';
import { richSchema } from '../../support/rich-schema.js';
import { testServers } from '../../support/servers.js';

/** What the rich schema has not: kinds that are seldom, and places where the order matters. */
const rareSchema = `
  CREATE SCHEMA rare;
  CREATE FUNCTION rare.next() RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE DOMAIN rare.counted AS int DEFAULT rare.next();
  CREATE TABLE rare.base (id int DEFAULT rare.next(), kind text, PRIMARY KEY (id, kind) WITH (fillfactor = 60) DEFERRABLE INITIALLY DEFERRED)
    PARTITION BY LIST (id);
  CREATE TABLE rare.one PARTITION OF rare.base FOR VALUES IN (1) PARTITION BY LIST (kind);
  CREATE TABLE rare.one_x (kind text NOT NULL DEFAULT 'x', id int NOT NULL, CONSTRAINT own_key PRIMARY KEY (id, kind));
  ALTER TABLE rare.one ATTACH PARTITION rare.one_x FOR VALUES IN ('x');
  CREATE TABLE rare.rest PARTITION OF rare.base DEFAULT;
  CREATE FUNCTION rare.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER fires AFTER INSERT ON rare.base FOR EACH ROW EXECUTE FUNCTION rare.fire();
  ALTER TABLE rare.rest DISABLE TRIGGER fires;
  CREATE INDEX broken_off ON rare.rest (kind);
  UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'rare.broken_off'::regclass;
  CREATE FUNCTION rare.bases() RETURNS SETOF rare.base LANGUAGE sql BEGIN ATOMIC SELECT * FROM rare.base; END;
  CREATE TYPE rare.kind AS (a int, "b c" text COLLATE "C");
  CREATE TABLE rare.typed OF rare.kind (a DEFAULT 3, PRIMARY KEY (a));
  CREATE TABLE rare.parent (a int NOT NULL DEFAULT 1, b text CHECK (b <> ''), "more'" text);
  CREATE TABLE rare.child (c int GENERATED ALWAYS AS (a * 2) STORED) INHERITS (rare.parent);
  ALTER TABLE rare.child ALTER a SET DEFAULT 2, ALTER b SET STATISTICS 5;
`;

const operators = `
  CREATE FUNCTION rare.less(text, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT length($1) < $2';
  CREATE FUNCTION rare.compare(text, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length($1) - $2';
  CREATE OPERATOR rare.<# (LEFTARG = text, RIGHTARG = int, FUNCTION = rare.less);
  CREATE OPERATOR FAMILY rare.lengths USING btree;
  ALTER OPERATOR FAMILY rare.lengths USING btree ADD OPERATOR 1 rare.<# (text, int), FUNCTION 1 (text, int) rare.compare(text, int);
  CREATE OPERATOR CLASS rare.by_length FOR TYPE text USING btree FAMILY rare.lengths AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 bttextcmp(text, text);
  CREATE FUNCTION rare.as_kind(int) RETURNS rare.kind LANGUAGE sql IMMUTABLE AS 'SELECT $1, NULL::text';
  CREATE CAST (int AS rare.kind) WITH FUNCTION rare.as_kind(int) AS ASSIGNMENT;
  CREATE AGGREGATE rare.most (VARIADIC "any" ORDER BY VARIADIC "any")
    (sfunc = ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
  CREATE TEXT SEARCH CONFIGURATION rare.words (PARSER = pg_catalog."default");
  ALTER TEXT SEARCH CONFIGURATION rare.words ADD MAPPING FOR word, asciiword WITH english_stem, simple;
  CREATE CONVERSION rare.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
  CREATE LANGUAGE other HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler VALIDATOR plpgsql_validator;
  COMMENT ON OPERATOR FAMILY rare.lengths USING btree IS E'it''s a \\\\ backslash';
`;

describe.each(testServers())('a schema that is built from its model on $name', (server) => {
  test.each([
    ['something of nearly everything', richSchema],
    ['what is rare', rareSchema + operators],
  ])('has %s', async (_what, sql) => {
    await withDatabaseOf(server, (source) =>
      withDatabaseOf(server, async (destination) => {
        await source.execute(sql, 'making a schema');
        const model = await readSchemaModel(source);
        expect(await buildSchema(destination, model)).toEqual({ differences: [] });
        expect(versionChecksum(await readSchemaModel(destination))).toBe(versionChecksum(model));
      }),
    );
  });

  test('is made by the statements alone as well', async () => {
    await withDatabaseOf(server, (source) =>
      withDatabaseOf(server, async (destination) => {
        await source.execute(richSchema, 'making a schema');
        const model = await readSchemaModel(source);
        const { statements, unsupported } = createStatements(model);
        const { failed } = await runStatements(destination, statements);
        expect(failed.map(({ statement }) => statement.sql)).toEqual([]);
        expect(versionChecksum(await readSchemaModel(destination))).toBe(versionChecksum(model));
        // The model has no secrets.
        expect(unsupported.map(({ kind }) => kind)).toEqual(['foreign server', 'user mapping']);
      }),
    );
  });

  test('names what cannot be made, and why', async () => {
    await withDatabaseOf(server, async (session) => {
      const objects = [
        { kind: 'extension', name: 'no_such_extension', definition: 'version: 1\nschema: public' },
        { kind: 'schema', name: 'public', definition: 'owner: pg_database_owner' },
      ];
      const { differences } = await buildSchema(session, { format: 1, objects });
      const missing = differences.find(({ object }) => object === 'extension');
      expect(missing).toMatchObject({ kind: 'added', name: 'no_such_extension' });
      expect(missing?.detail).toContain('not available');
    });
  });
});
