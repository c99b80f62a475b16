import type { AlterTableCmd, DefElem, ReplicaIdentityStmt, RoleSpec } from 'libpg-query';
import type { LockMode } from '../../../impact.js';
import type { Finding } from '../../finding.js';
import { contentOf } from '../../grammar.js';
import { printedName } from '../../world/printed-names.js';
import type { World, WorldRelation } from '../../world.js';
import { type Altered, alteration, failing, measuredFamily } from './altered.js';

const strong = 'ACCESS EXCLUSIVE';
const weak = 'SHARE UPDATE EXCLUSIVE';

type Analyse = (altered: Altered, cmd: AlterTableCmd) => readonly Finding[];

/** A role as a statement names it, for people. */
export function roleName(role: RoleSpec | undefined): string {
  switch (role?.roletype) {
    case 'ROLESPEC_CSTRING':
      return role.rolename ?? '';
    case 'ROLESPEC_PUBLIC':
      return 'PUBLIC';
    case 'ROLESPEC_CURRENT_USER':
    case 'ROLESPEC_CURRENT_ROLE':
    case 'ROLESPEC_SESSION_USER':
      return 'the role that runs the script';
    default:
      return '';
  }
}

/** Tables of one persistence that refer to it by foreign keys. */
function referringTables({ world, relation }: Altered, persistence: 'p' | 'u'): string[] {
  const names = world.catalog.constraints.flatMap((constraint) => {
    const isReferring =
      constraint.kind === 'f' &&
      constraint.referenced === relation.live?.oid &&
      constraint.relation !== constraint.referenced;
    const other = isReferring ? world.relationByOid(constraint.relation) : undefined;
    return other?.live?.persistence === persistence && stillHas(world, other, constraint.oid)
      ? [printedName(other.schema, other.name)]
      : [];
  });
  return [...new Set(names)];
}

function stillHas(world: World, relation: WorldRelation, constraint: number): boolean {
  return world.constraintsOf(relation).some(({ oid }) => oid === constraint);
}

/** Unlogged tables to which it refers. */
function unloggedReferences({ world, relation }: Altered): string[] {
  return world.constraintsOf(relation).flatMap(({ kind, referenced }) => {
    const other = kind === 'f' ? world.relationByOid(referenced) : undefined;
    return other?.live?.persistence === 'u' && other.id !== relation.id
      ? [printedName(other.schema, other.name)]
      : [];
  });
}

const setUnlogged: Analyse = (altered) => {
  const { relation } = altered;
  const operation = 'SET UNLOGGED';
  const facts = { rule: 'set-unlogged', operation, lock: strong } as const;
  if (relation.live?.persistence === 'u') {
    return [alteration(altered, { ...facts, reason: 'it is unlogged already' })];
  }
  const logged = referringTables(altered, 'p');
  if (logged.length > 0) {
    const reason = `${logged.join(', ')} is logged and refers to it`;
    return [failing(altered, { rule: facts.rule, operation, reason })];
  }
  const table = measuredFamily(altered);
  // Nothing is lost by the statement itself, yet from now on each crash loses all rows.
  return [
    alteration(altered, {
      ...{ ...facts, safety: 'DATA_LOSS', rewrite: true },
      reason:
        'from now on a crash of the server empties the table, and standbys do not have its rows',
      ...(table ? { measure: { what: 'rows', table, where: null }, counts: 'rows-touched' } : {}),
    }),
  ];
};

const setLogged: Analyse = (altered) => {
  const isLogged = altered.relation.live?.persistence === 'p';
  const unlogged = unloggedReferences(altered);
  if (unlogged.length > 0) {
    const reason = `it refers to ${unlogged.join(', ')}, which is unlogged`;
    return [failing(altered, { rule: 'set-logged', operation: 'SET LOGGED', reason })];
  }
  return [
    alteration(altered, {
      ...{ rule: 'set-logged', operation: 'SET LOGGED', lock: strong, rewrite: !isLogged },
      reason: isLogged
        ? 'it is logged already'
        : 'every row is written anew, and to the write-ahead log',
    }),
  ];
};

const setTablespace: Analyse = (altered, { name }) => [
  alteration(altered, {
    ...{ rule: 'set-tablespace', operation: 'SET TABLESPACE', lock: strong },
    // Nothing is copied where it lies there already, which the catalog that is read here does not say.
    ...{ work: 'rewrite', rewrite: false },
    reason: `its file is copied to the tablespace ${name}; a table without rows of its own gives it to new partitions`,
  }),
];

const setAccessMethod: Analyse = (altered, { name }) => {
  // A table of heap that is to be heap stays as it is, and hardly anybody has another one.
  const isDefault = name === 'heap';
  return [
    alteration(altered, {
      ...{ rule: 'set-access-method', operation: 'SET ACCESS METHOD', lock: strong },
      rewrite: !isDefault,
      reason: isDefault
        ? 'every row is written anew if it has another access method now'
        : `every row is written anew as ${name ?? 'the default'} stores it`,
    }),
  ];
};

/** Options of a table for which readers have to wait too; the others let everybody go on. */
const strongOptions = new Set([
  'user_catalog_table',
  'security_barrier',
  'check_option',
  'buffering',
]);

function optionNames(cmd: AlterTableCmd): string[] {
  const items = contentOf<{ items?: unknown[] }>(cmd.def, 'List')?.items ?? [];
  return items.flatMap((item) => contentOf<DefElem>(item, 'DefElem')?.defname ?? []);
}

const options =
  (operation: string): Analyse =>
  (altered, cmd) => {
    const names = optionNames(cmd);
    const isView = altered.relation.kind === 'v';
    const lock: LockMode = isView || names.some((name) => strongOptions.has(name)) ? strong : weak;
    return [
      alteration(altered, {
        ...{ rule: isView ? 'alter-view' : 'table-setting', operation, lock },
        reason: `${names.join(', ')}: rows that are there stay as they are`,
      }),
    ];
  };

const setting =
  (operation: string, lock: LockMode, reason: string, rule = 'table-setting'): Analyse =>
  (altered) => [alteration(altered, { rule, operation, lock, reason })];

const clusterOn: Analyse = (altered, { name = '' }) => {
  const { world, relation } = altered;
  const operation = 'CLUSTER ON';
  if (!relation.isNew && !world.indexesOf(relation).some((index) => index.name === name)) {
    const reason = `${altered.object} has no index ${name} that the live database knows`;
    return [alteration(altered, { rule: 'table-setting', operation, lock: weak, reason })];
  }
  const reason = `CLUSTER without an index takes ${name} from now on; rows stay where they are`;
  return [alteration(altered, { rule: 'table-setting', operation, lock: weak, reason })];
};

const changeOwner: Analyse = (altered, cmd) => [
  alteration(altered, {
    ...{ rule: 'change-owner', operation: 'OWNER TO', lock: strong },
    reason: `${roleName(cmd.newowner)} owns it from now on; the old owner has only the rights that are granted`,
  }),
];

const replicaIdentity: Analyse = (altered, cmd) => {
  const { world, relation } = altered;
  const definition = contentOf<ReplicaIdentityStmt>(cmd.def, 'ReplicaIdentityStmt');
  const operation = 'REPLICA IDENTITY';
  const facts = { rule: 'replica-identity', operation, lock: strong } as const;
  const isMissing =
    definition?.identity_type === 'i' &&
    !relation.isNew &&
    !world.indexesOf(relation).some((index) => index.name === definition.name);
  if (isMissing) {
    const reason = `${altered.object} has no index ${definition.name} in the live database`;
    return [alteration(altered, { ...facts, reason })];
  }
  const isNothing = definition?.identity_type === 'n';
  return [
    alteration(altered, {
      ...{ ...facts, safety: isNothing ? 'UNSAFE' : 'SAFE' },
      reason: isNothing
        ? 'UPDATE and DELETE fail from now on where the table is published'
        : 'what logical replication sends of old rows changes',
    }),
  ];
};

const ofType: Analyse = (altered) => [
  alteration(altered, {
    ...{ rule: 'table-of-type', operation: 'OF', lock: strong },
    reason: 'its columns follow the type from now on',
  }),
];

const notOfType: Analyse = (altered) => [
  alteration(altered, {
    ...{ rule: 'table-of-type', operation: 'NOT OF', lock: strong },
    reason: 'its columns are its own from now on',
  }),
];

/** How and where a table is kept, and who owns it. */
export const storage: Readonly<Record<string, Analyse>> = {
  AT_SetUnLogged: setUnlogged,
  AT_SetLogged: setLogged,
  AT_SetTableSpace: setTablespace,
  AT_SetAccessMethod: setAccessMethod,
  AT_SetRelOptions: options('SET'),
  AT_ResetRelOptions: options('RESET'),
  AT_ReplaceRelOptions: options('SET'),
  AT_GenericOptions: setting('OPTIONS', strong, 'options of the foreign table change'),
  AT_ClusterOn: clusterOn,
  AT_DropCluster: setting('SET WITHOUT CLUSTER', weak, 'CLUSTER needs an index from now on'),
  AT_DropOids: setting('SET WITHOUT OIDS', strong, 'no table has oids any more'),
  AT_ChangeOwner: changeOwner,
  AT_ReplicaIdentity: replicaIdentity,
  AT_AddOf: ofType,
  AT_DropOf: notOfType,
};
