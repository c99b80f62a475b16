import type { ColumnName, Measure } from './change-safety.js';
import type { Rename } from './history.js';
import { namePartsOf } from './schema-ddl/ddl-names.js';

type Names = readonly (readonly Rename[])[];

/** The name that something had before renames, the last of them first. */
function nameBefore(kinds: readonly string[], name: string, steps: Names): string {
  return steps.reduceRight((current, renames) => {
    const found = renames.find(({ object, to }) => kinds.includes(object) && to === current);
    return found?.from ?? current;
  }, name);
}

const tableBefore = (table: string, steps: Names): string =>
  nameBefore(['table', 'foreign table'], table, steps);

/** A column of a renamed table has another name too, whether or not it was renamed itself. */
function columnBefore({ table, column }: ColumnName, steps: Names): ColumnName {
  return steps.reduceRight<ColumnName>(
    (current, renames) => {
      const whole = `${current.table}.${current.column}`;
      const own = renames.find(({ object, to }) => object === 'column' && to === whole);
      if (!own) return { table: tableBefore(current.table, [renames]), column: current.column };
      const parts = namePartsOf(own.from);
      return { table: parts.slice(0, -1).join('.'), column: parts.at(-1) ?? current.column };
    },
    { table, column },
  );
}

/**
 * What has to be counted in the database as it is now, for a change of a schema in which steps before have renamed
 * tables and columns.
 * @param steps what each step renamed, the change's own last
 */
export function beforeRenames(measure: Measure, steps: Names): Measure {
  switch (measure.what) {
    case 'labels':
      return { ...measure, columns: measure.columns.map((column) => columnBefore(column, steps)) };
    case 'rows':
    case 'violations':
      return { ...measure, table: tableBefore(measure.table, steps) };
    default:
      return { ...measure, ...columnBefore(measure, steps) };
  }
}
