import {
  branch,
  functionName,
  notOfExtension,
  roleName,
  type SchemaQuery,
  yesIf,
} from './schema-scope.js';

const routineName = `s.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'`;
const userRoutines = 'pg_proc p JOIN schemas s ON s.oid = p.pronamespace';
const ownRoutines = notOfExtension('pg_proc', 'p.oid');

const routines: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_proc',
      id: 'p.oid',
      kind: `CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END`,
      name: routineName,
    },
    [
      ['owner', roleName('p.proowner')],
      ['definition', `rtrim(pg_get_functiondef(p.oid), E'\\n')`],
    ],
    `FROM ${userRoutines} WHERE p.prokind <> 'a' AND ${ownRoutines}`,
  );

/** PostgreSQL prints no definition of an aggregate, so its parts are listed. */
const aggregates: SchemaQuery = () =>
  branch(
    { catalog: 'pg_proc', id: 'p.oid', kind: `'aggregate'`, name: routineName },
    [
      ['owner', roleName('p.proowner')],
      ['arguments', 'pg_get_function_arguments(p.oid)'],
      ['returns', 'format_type(p.prorettype, NULL)'],
      ['parallel', `CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END`],
      ['kind', `CASE a.aggkind WHEN 'o' THEN 'ordered set' WHEN 'h' THEN 'hypothetical set' END`],
      ['direct arguments', `CASE WHEN a.aggkind <> 'n' THEN a.aggnumdirectargs::text END`],
      ['transition', functionName('a.aggtransfn')],
      ['state', 'format_type(a.aggtranstype, NULL)'],
      ['state size', `CASE WHEN a.aggtransspace <> 0 THEN a.aggtransspace::text END`],
      ['initial', 'a.agginitval'],
      ['final', functionName('a.aggfinalfn')],
      ['final extra', yesIf('a.aggfinalextra')],
      ['final modify', 'a.aggfinalmodify::text'],
      ['combine', functionName('a.aggcombinefn')],
      ['serial', functionName('a.aggserialfn')],
      ['deserial', functionName('a.aggdeserialfn')],
      ['moving transition', functionName('a.aggmtransfn')],
      ['moving inverse', functionName('a.aggminvtransfn')],
      [
        'moving state',
        `CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END`,
      ],
      ['moving state size', `CASE WHEN a.aggmtransspace <> 0 THEN a.aggmtransspace::text END`],
      ['moving initial', 'a.aggminitval'],
      ['moving final', functionName('a.aggmfinalfn')],
      ['moving final extra', yesIf('a.aggmfinalextra')],
      ['moving final modify', `CASE WHEN a.aggmtransfn <> 0 THEN a.aggmfinalmodify::text END`],
      ['sort operator', `CASE WHEN a.aggsortop <> 0 THEN a.aggsortop::regoperator::text END`],
    ],
    `FROM ${userRoutines} JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE ${ownRoutines}`,
  );

export const routineQueries: readonly SchemaQuery[] = [routines, aggregates];
