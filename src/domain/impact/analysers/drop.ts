import type { Safety } from '../../safety.js';
import { type Finding, finding } from '../finding.js';
import { contentOf, nodesAt, textAt } from '../world/tree.js';
import type { AnalysedStatement, Analysers, DropResult, World } from '../world.js';
import { droppedFindings, inTheWayFinding } from './losses.js';
import { missing, nothingToDo } from './missing.js';
import { findNamed, kindOfObject, type NamedObject } from './named-object.js';

const safetyOfKind = (kind: string): Safety =>
  kind === 'table' ? 'UNSAFE' : kind === 'column' || kind === 'sequence' ? 'DATA_LOSS' : 'SAFE';

/** DROP of anything that has a name. */
function analyseDrop(statement: AnalysedStatement, world: World): Finding[] {
  const { tree } = statement;
  const type = textAt(tree, 'removeType') ?? '';
  const kind = kindOfObject(type);
  const operation = `DROP ${kind.toUpperCase()}`;
  const named = nodesAt(tree, 'objects').map((node) => findNamed(world, type, node));
  const isOptional = tree.missing_ok === true;
  const cascade = tree.behavior === 'DROP_CASCADE';
  const absent = named
    .filter(({ id }) => id === undefined)
    .map((one) => absentFinding(world, operation, one, { isOptional, cascade }));
  const unclear = named.filter(({ id, isUnclear }) => id !== undefined && isUnclear);
  if (absent.some(({ fails }) => fails) || unclear.length > 0) {
    return [...absent, ...unclear.map((one) => ambiguous(operation, one))];
  }
  const ids = named.flatMap(({ id }) => id ?? []);
  if (ids.length === 0) return absent;
  const preview = world.preview(ids, cascade);
  if (preview.inTheWay.length > 0) {
    const object = named.map(({ name }) => name).join(', ');
    const facts = { operation, object, safety: safetyOfKind(kind) };
    return [...absent, inTheWayFinding(facts, preview, !cascade && helps(world, ids))];
  }
  const findings = findingsOf(world, preview);
  world.drop(ids, cascade);
  return [
    ...absent,
    ...(kind === 'index' ? findings.map((one) => ofIndex(one, statement)) : findings),
  ];
}

const helps = (world: World, ids: readonly string[]): boolean =>
  world.preview(ids, true).inTheWay.length === 0;

/** What the statement names comes first. */
function findingsOf(world: World, result: DropResult): Finding[] {
  const findings = droppedFindings(world, result);
  const isNamed = ({ because }: Finding) => because === null;
  return [...findings.filter(isNamed), ...findings.filter((one) => !isNamed(one))];
}

/** CONCURRENTLY waits for those who use the table, instead of making everybody wait. */
function ofIndex(found: Finding, { sql, tree }: AnalysedStatement): Finding {
  if (tree.concurrent === true) {
    return { ...found, lock: 'SHARE UPDATE EXCLUSIVE', hazard: 'none' };
  }
  const isFelt = found.hazard !== undefined && found.hazard !== 'none';
  if (!isFelt || found.because !== null) return found;
  const way = sql.replace(/^drop\s+index/i, (words) => `${words} CONCURRENTLY`);
  return { ...found, saferWay: `-- outside of a transaction:\n${way};` };
}

function ambiguous(operation: string, { name }: NamedObject): Finding {
  const reason = `it fails: there are several ${name}, and it does not say which by the types of arguments`;
  return finding({
    rule: 'object-missing',
    operation,
    object: name,
    safety: 'SAFE',
    reason,
    fails: true,
  });
}

function absentFinding(
  world: World,
  operation: string,
  { kind, name, otherKind, isUnclear }: NamedObject,
  { isOptional, cascade }: { isOptional: boolean; cascade: boolean },
): Finding {
  const facts = { operation, object: name };
  if (isUnclear) {
    const reason = `the ${kind} goes; Belay does not look up what depends on it`;
    const unmeasured = cascade
      ? 'CASCADE may take more along: `belay rehearse` shows it on a copy'
      : null;
    return finding({
      ...{ ...facts, rule: 'drop-object', safety: cascade ? 'UNSAFE' : 'SAFE', reason, unmeasured },
    });
  }
  if (otherKind !== null) {
    const reason = `it fails: ${name} is a ${otherKind}, not a ${kind}`;
    return finding({ ...facts, rule: 'object-missing', safety: 'SAFE', reason, fails: true });
  }
  const history = world.catalog.historySchema;
  if (kind === 'schema' && history && name === history) return ofHistory(facts);
  if (isOptional && !world.isUncertain) return nothingToDo(facts, `there is no ${kind} ${name}`);
  return missing(world, facts, { kind, name, isOptional });
}

function ofHistory(facts: { operation: string; object: string }): Finding {
  const reason =
    'Belay keeps the history of the schema and its record backups there: they go, and no rollback can use them';
  return finding({
    ...facts,
    rule: 'drop-schema',
    safety: 'UNSAFE',
    reason,
    unmeasured: 'it is not counted',
  });
}

/** DROP OWNED: what the roles own in this database goes; rights that they were given are taken back. */
function analyseDropOwned({ tree }: AnalysedStatement, world: World): Finding[] {
  const roles = nodesAt(tree, 'roles').map((node) => roleName(world, contentOf(node, 'RoleSpec')));
  const cascade = tree.behavior === 'DROP_CASCADE';
  const facts = { operation: 'DROP OWNED', object: roles.join(', ') };
  const owned = (world.catalog.owned ?? []).filter(({ role }) => roles.includes(role));
  const isUntouchable = world.catalog.relations.some(
    ({ owner }) => roles.includes(owner) && !owned.some(({ role }) => role === owner),
  );
  const untouched = 'it fails: the role owns objects of the database system itself';
  if (isUntouchable) {
    return [
      finding({ ...facts, rule: 'drop-owned', safety: 'UNSAFE', reason: untouched, fails: true }),
    ];
  }
  const ids = owned
    .map(({ address }) => address)
    .filter((id) => world.preview([id], true).dropped.length > 0);
  const rights = 'rights that it was given in this database are taken back';
  const reason =
    ids.length === 0
      ? `the role owns nothing here; ${rights}`
      : `everything that the role owns here goes; ${rights}`;
  const whole = finding({ ...facts, rule: 'drop-owned', safety: 'SAFE', reason });
  const preview = world.preview(ids, cascade);
  if (preview.inTheWay.length > 0)
    return [inTheWayFinding({ ...facts, safety: 'UNSAFE' }, preview)];
  const findings = findingsOf(world, preview).map((one) => ({
    ...one,
    because: one.because ?? facts.object,
  }));
  world.drop(ids, cascade);
  return [whole, ...findings];
}

function roleName(world: World, role: ReturnType<typeof contentOf>): string {
  return textAt(role, 'rolename') ?? world.catalog.role;
}

/** A subscription and a user mapping have statements of their own. */
function analyseOtherDrop({ kind, tree }: AnalysedStatement): Finding[] {
  const isMapping = kind === 'DropUserMappingStmt';
  const what = isMapping ? 'user mapping' : 'subscription';
  const object = textAt(tree, isMapping ? 'servername' : 'subname') ?? '';
  const reason = isMapping
    ? 'nobody reaches the foreign server by it any more; rows stay as they are'
    : 'no more rows arrive by it; rows that are there stay as they are';
  return [
    finding({
      ...{ rule: 'drop-object', operation: `DROP ${what.toUpperCase()}`, object },
      safety: 'SAFE',
      reason,
    }),
  ];
}

export const dropAnalysers: Analysers = {
  DropStmt: analyseDrop,
  DropOwnedStmt: analyseDropOwned,
  DropUserMappingStmt: analyseOtherDrop,
  DropSubscriptionStmt: analyseOtherDrop,
};
