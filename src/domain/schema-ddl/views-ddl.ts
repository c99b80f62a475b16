import { columnDrafts } from './columns-ddl.js';
import { type Alterer, type Creator, type Draft, draft } from './ddl-statement.js';
import { KnownObject, type KnownSchema } from './known-schema.js';
import { changedOptions, optionList } from './options.js';

const withClause = (object: KnownObject): string => {
  const options = optionList(object.list('options'));
  return options === '' ? '' : ` WITH (${options})`;
};

const queryOf = (object: KnownObject): string => object.need('definition').replace(/[;\s]+$/, '');

/** What columns have besides what the query gives them. */
function columnSettings(view: KnownObject, schema: KnownSchema): Draft[] {
  return schema.partsOf('column', view.name).flatMap((column) => {
    const {
      default: _default,
      storage,
      compression,
      statistics,
      options,
      ...given
    } = column.attributes;
    return columnDrafts(new KnownObject(column, given), column, schema, view).map(({ sql }) =>
      draft('enabling', sql),
    );
  });
}

const view: Creator = (object, schema) => [
  draft('view', `CREATE VIEW ${object.name}${withClause(object)} AS\n${queryOf(object)}`),
  ...columnSettings(object, schema),
];

const materializedView: Creator = (object, schema) => {
  const method = object.text('access method');
  const using = method === undefined ? '' : ` USING ${method}`;
  return [
    draft(
      'materialized view',
      `CREATE MATERIALIZED VIEW ${object.name}${using}${withClause(object)} AS\n${queryOf(object)}`,
    ),
    ...columnSettings(object, schema),
  ];
};

/** A view can be replaced where its columns stay; where that fails it is made anew. */
const alterView: Alterer = (before, after) => {
  if (before.text('definition') !== after.text('definition')) {
    return [
      draft(
        'view',
        `CREATE OR REPLACE VIEW ${after.name}${withClause(after)} AS\n${queryOf(after)}`,
      ),
    ];
  }
  return changedOptions(before.list('options'), after.list('options')).map((change) =>
    draft('view', `ALTER VIEW ${after.name} ${change}`),
  );
};

const alterMaterializedView: Alterer = (before, after) => {
  const isSame = ['definition', 'access method'].every(
    (key) => before.text(key) === after.text(key),
  );
  if (!isSame) return undefined;
  return changedOptions(before.list('options'), after.list('options')).map((change) =>
    draft('view', `ALTER MATERIALIZED VIEW ${after.name} ${change}`),
  );
};

export const viewCreators: Readonly<Record<string, Creator>> = {
  view,
  'materialized view': materializedView,
};

export const viewAlterers: Readonly<Record<string, Alterer>> = {
  view: alterView,
  'materialized view': alterMaterializedView,
};
