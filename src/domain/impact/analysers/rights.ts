import type {
  AccessPriv,
  AlterDefaultPrivilegesStmt,
  AlterOwnerStmt,
  AlterPolicyStmt,
  GrantRoleStmt,
  GrantStmt,
  ReassignOwnedStmt,
  RoleSpec,
} from 'libpg-query';
import { type Finding, finding } from '../finding.js';
import { contentOf, nodeOf, textsOf } from '../grammar.js';
import { printedName } from '../world/printed-names.js';
import type { Analyser, Analysers } from '../world.js';
import { alteration, alteredOf } from './alter-table/altered.js';
import { roleName } from './alter-table/storage.js';
import { missingObject, writtenName } from './missing-object.js';

const words = (type: string | undefined): string =>
  (type ?? '').replace('OBJECT_', '').replaceAll('_', ' ').toLowerCase();

/** Names in a node that names an object of any kind, for people. */
function nameOf(node: unknown): string {
  const found = nodeOf(node);
  switch (found?.kind) {
    case 'RangeVar':
      return writtenName({
        schema: found.tree.schemaname as string | undefined,
        name: String(found.tree.relname ?? ''),
      });
    case 'String':
      return String(found.tree.sval ?? '');
    case 'List':
      return printedName(...textsOf(found.tree.items as unknown[]));
    case 'ObjectWithArgs':
      return printedName(...textsOf(found.tree.objname as unknown[]));
    case 'TypeName':
      return printedName(...textsOf(found.tree.names as unknown[]));
    default:
      return '';
  }
}

const rolesOf = (nodes: readonly unknown[] | undefined): RoleSpec[] =>
  (nodes ?? []).flatMap((node) => contentOf<RoleSpec>(node, 'RoleSpec') ?? []);

const isPublic = (roles: readonly RoleSpec[]): boolean =>
  roles.some(({ roletype }) => roletype === 'ROLESPEC_PUBLIC');

function privilegesOf(nodes: readonly unknown[] | undefined): string {
  const all = (nodes ?? []).flatMap((node) => contentOf<AccessPriv>(node, 'AccessPriv') ?? []);
  return all.length === 0
    ? 'all rights'
    : all.map(({ priv_name }) => (priv_name ?? 'all rights').toUpperCase()).join(', ');
}

function ruleOf(isGrant: boolean, forAll: boolean): string {
  if (isGrant) return forAll ? 'grant-to-public' : 'grant';
  return forAll ? 'revoke-from-public' : 'revoke';
}

const who = (roles: readonly RoleSpec[]): string => roles.map(roleName).join(', ');

function grantReason(tree: GrantStmt, roles: readonly RoleSpec[]): string {
  const rights = privilegesOf(tree.privileges);
  const everybody = isPublic(roles) ? ': everybody who can connect to the database' : '';
  if (tree.is_grant) return `${rights} for ${who(roles)}${everybody}`;
  const cascade =
    tree.behavior === 'DROP_CASCADE' ? '; who got the right from them loses it too' : '';
  return `${rights} taken from ${who(roles)}${everybody}${cascade}; what needs it fails from now on`;
}

const grant: Analyser = ({ tree: raw }, world) => {
  const tree = raw as GrantStmt;
  const roles = rolesOf(tree.grantees);
  const isGrant = tree.is_grant === true;
  const operation = isGrant ? 'GRANT' : 'REVOKE';
  const facts = { operation, rule: ruleOf(isGrant, isPublic(roles)) };
  const reason = grantReason(tree, roles);
  const safety = isGrant && isPublic(roles) ? 'UNSAFE' : 'SAFE';
  const kind = words(tree.objtype);
  if (tree.targtype === 'ACL_TARGET_ALL_IN_SCHEMA') {
    return (tree.objects ?? []).map((node) =>
      finding({ ...facts, object: nameOf(node), safety, reason: `all ${kind}s in it: ${reason}` }),
    );
  }
  return (tree.objects ?? []).map((node): Finding => {
    const range = contentOf<{ schemaname?: string; relname?: string }>(node, 'RangeVar');
    if (!range) return finding({ ...facts, object: nameOf(node), safety, reason });
    const name = { schema: range.schemaname, name: range.relname ?? '' };
    const relation = world.findRelation(name);
    return relation
      ? finding({ ...facts, object: printedName(relation.schema, relation.name), safety, reason })
      : missingObject(world, kind, name, { operation });
  });
};

const grantRole: Analyser = ({ tree: raw }) => {
  const tree = raw as GrantRoleStmt;
  const granted = (tree.granted_roles ?? [])
    .flatMap((node) => contentOf<AccessPriv>(node, 'AccessPriv')?.priv_name ?? [])
    .join(', ');
  const roles = who(rolesOf(tree.grantee_roles));
  const operation = tree.is_grant ? 'GRANT ROLE' : 'REVOKE ROLE';
  return [
    finding({
      ...{ rule: 'grant-role', operation, object: granted, safety: 'UNSAFE' },
      reason: tree.is_grant
        ? `${roles} may do what ${granted} may, in all databases of the server`
        : `${roles} may not do any more what ${granted} may, in all databases of the server`,
    }),
  ];
};

const defaultPrivileges: Analyser = ({ tree: raw }, { catalog }) => {
  const { action } = raw as AlterDefaultPrivilegesStmt;
  const roles = rolesOf(action?.grantees);
  const toAll = isPublic(roles) && action?.is_grant === true;
  const reason = action ? grantReason(action, roles) : '';
  return [
    finding({
      ...{ rule: toAll ? 'grant-to-public' : 'default-privileges' },
      ...{ operation: 'ALTER DEFAULT PRIVILEGES', object: catalog.database },
      safety: toAll ? 'UNSAFE' : 'SAFE',
      reason: `on every ${words(action?.objtype)} made from now on: ${reason}`,
    }),
  ];
};

/** Roles belong to the whole server: no copy of the database holds them. */
const ofRole =
  (rule: string, operation: string, reason: string): Analyser =>
  ({ tree }) => {
    const named = typeof tree.role === 'string' ? tree.role : roleName(tree.role as RoleSpec);
    const names = tree.roles ? who(rolesOf(tree.roles as unknown[])) : named;
    return [finding({ rule, operation, object: names || 'all roles', safety: 'UNSAFE', reason })];
  };

const reassignOwned: Analyser = ({ tree: raw }) => {
  const { roles, newrole } = raw as ReassignOwnedStmt;
  return [
    finding({
      ...{ rule: 'reassign-owned', operation: 'REASSIGN OWNED', object: who(rolesOf(roles)) },
      safety: 'UNSAFE',
      reason: `everything that they own in this database, and databases and tablespaces, belongs to ${roleName(newrole)} from now on`,
    }),
  ];
};

const alterPolicy: Analyser = (statement, world) => {
  const tree = statement.tree as AlterPolicyStmt;
  const { schemaname: schema, relname: name = '' } = tree.table ?? {};
  const operation = 'ALTER POLICY';
  const relation = world.findRelation({ schema, name });
  if (!relation) return [missingObject(world, 'table', { schema, name }, { operation })];
  return [
    alteration(alteredOf(world, statement, relation, true), {
      ...{ rule: 'alter-policy', operation, safety: 'UNSAFE', lock: 'ACCESS EXCLUSIVE' },
      reason: `${tree.policy_name} lets other rows be seen or written from now on`,
    }),
  ];
};

const changeOwner: Analyser = ({ tree: raw }) => {
  const tree = raw as AlterOwnerStmt;
  const reason = `${roleName(tree.newowner)} owns it from now on; the old owner has only the rights that are granted`;
  const object = nameOf(tree.object) || nameOf(tree.relation && { RangeVar: tree.relation });
  const operation = `ALTER ${words(tree.objectType).toUpperCase()} OWNER TO`;
  return [finding({ rule: 'change-owner', operation, object, safety: 'SAFE', reason })];
};

const serverWide = 'belongs to the whole server: all of its databases feel it';

/** Who may do what. */
export const rightsAnalysers: Analysers = {
  GrantStmt: grant,
  GrantRoleStmt: grantRole,
  AlterDefaultPrivilegesStmt: defaultPrivileges,
  CreateRoleStmt: ofRole('create-role', 'CREATE ROLE', serverWide),
  AlterRoleStmt: ofRole('alter-role', 'ALTER ROLE', serverWide),
  AlterRoleSetStmt: ofRole(
    'alter-role',
    'ALTER ROLE SET',
    'its sessions have another setting from now on',
  ),
  DropRoleStmt: ofRole('drop-role', 'DROP ROLE', serverWide),
  ReassignOwnedStmt: reassignOwned,
  AlterPolicyStmt: alterPolicy,
  AlterOwnerStmt: changeOwner,
};
