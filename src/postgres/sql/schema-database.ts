import {
  branch,
  foreignOptions,
  functionName,
  madeByUser,
  notOfExtension,
  roleName,
  type SchemaQuery,
  yesIf,
} from './schema-scope.js';

const schemas: SchemaQuery = () =>
  branch(
    { catalog: 'pg_namespace', id: 'n.oid', kind: `'schema'`, name: 's.name' },
    [['owner', roleName('n.nspowner')]],
    `FROM schemas s JOIN pg_namespace n ON n.oid = s.oid
    WHERE ${notOfExtension('pg_namespace', 'n.oid')}`,
  );

/** Whose an extension is can't be changed, and a restore makes it the restoring role's: left out. */
const extensions: SchemaQuery = () =>
  branch(
    { catalog: 'pg_extension', id: 'e.oid', kind: `'extension'`, name: 'quote_ident(e.extname)' },
    [
      ['version', 'e.extversion'],
      ['schema', 'e.extnamespace::regnamespace::text'],
    ],
    'FROM pg_extension e',
  );

const languages: SchemaQuery = () =>
  branch(
    { catalog: 'pg_language', id: 'l.oid', kind: `'language'`, name: 'quote_ident(l.lanname)' },
    [
      ['owner', roleName('l.lanowner')],
      ['trusted', yesIf('l.lanpltrusted')],
      ['handler', functionName('l.lanplcallfoid')],
      ['inline', functionName('l.laninline')],
      ['validator', functionName('l.lanvalidator')],
    ],
    `FROM pg_language l WHERE ${madeByUser('pg_language', 'l.oid')}`,
  );

/** Their grants are what they are: see the grants of all objects. */
const defaultPrivileges: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_default_acl',
      id: 'd.oid',
      kind: `'default privileges'`,
      name: `${roleName('d.defaclrole')} || ' on ' ||
             CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                                  WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END ||
             CASE WHEN d.defaclnamespace = 0 THEN '' ELSE ' in ' || d.defaclnamespace::regnamespace::text END`,
    },
    [['role', roleName('d.defaclrole')]],
    'FROM pg_default_acl d',
  );

const foreignDataWrappers: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_foreign_data_wrapper',
      id: 'w.oid',
      kind: `'foreign data wrapper'`,
      name: 'quote_ident(w.fdwname)',
    },
    [
      ['owner', roleName('w.fdwowner')],
      ['handler', functionName('w.fdwhandler')],
      ['validator', functionName('w.fdwvalidator')],
      ['options', foreignOptions('w.fdwoptions'), 'list'],
    ],
    `FROM pg_foreign_data_wrapper w WHERE ${madeByUser('pg_foreign_data_wrapper', 'w.oid')}`,
  );

const foreignServers: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_foreign_server',
      id: 'v.oid',
      kind: `'foreign server'`,
      name: 'quote_ident(v.srvname)',
    },
    [
      ['owner', roleName('v.srvowner')],
      ['wrapper', 'quote_ident(w.fdwname)'],
      ['type', 'v.srvtype'],
      ['version', 'v.srvversion'],
      ['options', foreignOptions('v.srvoptions'), 'list'],
    ],
    `FROM pg_foreign_server v JOIN pg_foreign_data_wrapper w ON w.oid = v.srvfdw
    WHERE ${notOfExtension('pg_foreign_server', 'v.oid')}`,
  );

/** Without options: passwords are among them, and who may see them differs from role to role. */
const userMappings: SchemaQuery = () =>
  branch(
    {
      catalog: 'pg_foreign_server',
      id: 'm.umid',
      sub: '-1',
      kind: `'user mapping'`,
      name: `CASE WHEN m.umuser = 0 THEN 'PUBLIC' ELSE ${roleName('m.umuser')} END
             || ' on ' || quote_ident(m.srvname)`,
    },
    [['server', 'quote_ident(m.srvname)']],
    'FROM pg_user_mappings m',
  );

export const databaseQueries: readonly SchemaQuery[] = [
  schemas,
  extensions,
  languages,
  defaultPrivileges,
  foreignDataWrappers,
  foreignServers,
  userMappings,
];
