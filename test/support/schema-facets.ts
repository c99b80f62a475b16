import { reactions, routines, views } from './schema-facets/code.js';
import { constraints, indexes } from './schema-facets/constraints.js';
import type { SchemaFacet } from './schema-facets/facet.js';
import { others, types } from './schema-facets/others.js';
import { columns, tables } from './schema-facets/tables.js';

/** Added to the rich schema. */
export const facetSchema = `
  CREATE TABLE app.stays (room int4range, during tsrange, guest text, n int, UNIQUE (n));
  CREATE TABLE app.visits (room int4range, during tsrange, n int, m int, state text);
  CREATE TABLE app.lists (k text, v int) PARTITION BY LIST (k);
  CREATE TABLE app.lists_a PARTITION OF app.lists FOR VALUES IN ('a');
  CREATE TABLE app.parent (a int);
  CREATE TABLE app.child (a int, b text);
  CREATE TYPE app.pair AS (a int, b text);
  CREATE TABLE app.pairs (a int, b text);
  CREATE VIEW app.guests AS SELECT guest, n FROM app.stays;
  CREATE MATERIALIZED VIEW app.rooms AS SELECT room FROM app.stays;
  CREATE FUNCTION app.plus(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
  CREATE PROCEDURE app.tidy() LANGUAGE sql AS 'DELETE FROM app.stays';
  CREATE AGGREGATE app.total(int) (sfunc = app.plus, stype = int);
  CREATE SEQUENCE app.numbers;
  CREATE STATISTICS app.stays_stats ON guest, n FROM app.stays;
  CREATE DOMAIN app.code AS int;
  CREATE TYPE app.words AS RANGE (subtype = text);
  ALTER TABLE app.visits ADD CONSTRAINT checked CHECK (n > 0), ADD CONSTRAINT single UNIQUE (n, m),
    ADD CONSTRAINT guest FOREIGN KEY (n) REFERENCES app.stays (n),
    ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&);
  CREATE INDEX i ON app.visits (state);
  CREATE UNIQUE INDEX u ON app.visits (m);
  CREATE TRIGGER noted BEFORE INSERT ON app.stays FOR EACH ROW EXECUTE FUNCTION app.noop();
  CREATE EVENT TRIGGER noticed ON ddl_command_end EXECUTE FUNCTION app.on_ddl();
  CREATE RULE kept AS ON DELETE TO app.visits DO INSTEAD NOTHING;
  CREATE POLICY p ON app.visits WITH CHECK (true);
`;

/** The facets that a version has. */
export function schemaFacets(major: number): readonly SchemaFacet[] {
  return [tables, columns, constraints, indexes, views, routines, reactions, types, others]
    .flat()
    .filter(({ since = 0 }) => since <= major);
}
