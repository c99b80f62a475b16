import { type Finding, finding } from '../finding.js';
import { textsOf } from '../grammar.js';
import { readIdentifierList } from '../identifier-list.js';
import { contentOf, nodesAt, textAt, treeAt } from '../world/tree.js';
import type { AnalysedStatement, Analysers, Tree, World } from '../world.js';

const safe = (rule: string, operation: string, object: string, reason: string): Finding =>
  finding({ rule, operation, object, safety: 'SAFE', reason });

function analyseSet({ tree }: AnalysedStatement, world: World): Finding[] {
  const kind = textAt(tree, 'kind') ?? '';
  const name = (textAt(tree, 'name') ?? 'all settings').toLowerCase();
  const isReset = kind === 'VAR_RESET' || kind === 'VAR_SET_DEFAULT' || kind === 'VAR_RESET_ALL';
  const operation = isReset ? 'RESET' : 'SET';
  if (kind === 'VAR_RESET_ALL') world.setSearchPath(null);
  if (name !== 'search_path') {
    return [safe('setting', operation, name, settingReason(name, isReset))];
  }
  const schemas = isReset ? null : pathOf(world, nodesAt(tree, 'args').map(constantText));
  // SET search_path FROM CURRENT is only part of CREATE FUNCTION.
  if (kind !== 'VAR_SET_CURRENT') world.setSearchPath(schemas, { isLocal: tree.is_local === true });
  return [pathFinding(operation, world)];
}

const pathFinding = (operation: string, world: World): Finding =>
  safe(
    'set-search-path',
    operation,
    'search_path',
    world.searchPath === '""'
      ? 'every name needs its schema from now on'
      : `names without a schema are looked up in ${world.searchPath} from now on`,
  );

/** Settings by which later statements do something else. */
const weighty: Readonly<Record<string, string>> = {
  session_replication_role:
    'with "replica", triggers do not fire and foreign keys are not checked from now on',
  row_security: 'with "off", statements fail instead of hiding rows',
  role: 'later statements run with the rights of that role',
  session_authorization: 'later statements run with the rights of that role',
  check_function_bodies: 'with "off", bodies of functions are not checked when they are made',
};

function settingReason(name: string, isReset: boolean): string {
  const what = isReset
    ? 'the setting has its usual value again'
    : 'a setting of the session changes';
  const why = isReset ? undefined : weighty[name];
  return why ? `${what}: ${why}` : what;
}

/** A schema's name in SET: a constant, quoted or not. */
function constantText(node: Tree): string {
  const constant = contentOf(node, 'A_Const');
  return textAt(treeAt(constant, 'sval'), 'sval') ?? '';
}

/** `SET search_path = "$user", public`: "$user" stands for the role's own name. */
function pathOf(world: World, names: readonly string[]): string[] {
  return names
    .map((name) => (name === '$user' ? world.catalog.role : name))
    .filter((name) => name !== '');
}

/** `SELECT set_config('search_path', '', false)`, as pg_dump writes it. */
function analyseSelect({ tree }: AnalysedStatement, world: World): Finding[] {
  return nodesAt(tree, 'targetList').flatMap((node) => {
    const call = contentOf(treeAt(contentOf(node, 'ResTarget'), 'val'), 'FuncCall');
    if (textsOf(nodesAt(call, 'funcname')).at(-1) !== 'set_config') return [];
    const [name, value, local] = nodesAt(call, 'args');
    if (!name || !value || constantText(name).toLowerCase() !== 'search_path') return [];
    const isLocal = treeAt(contentOf(local, 'A_Const'), 'boolval')?.boolval === true;
    world.setSearchPath(pathOf(world, readIdentifierList(constantText(value))), { isLocal });
    return [pathFinding('SET', world)];
  });
}

const ends = new Set(['TRANS_STMT_COMMIT', 'TRANS_STMT_ROLLBACK', 'TRANS_STMT_PREPARE']);

function analyseTransaction({ tree }: AnalysedStatement, world: World): Finding[] {
  const kind = textAt(tree, 'kind') ?? '';
  const operation = kind.replace(/^TRANS_STMT_/, '').replaceAll('_', ' ');
  const object = textAt(tree, 'savepoint_name') ?? 'transaction';
  if (ends.has(kind)) world.endTransaction();
  const isUndo = kind === 'TRANS_STMT_ROLLBACK' || kind === 'TRANS_STMT_ROLLBACK_TO';
  const reason = isUndo
    ? 'what was done since the transaction or savepoint began is taken back'
    : 'begins or ends a transaction or savepoint';
  return [safe('transaction', operation, object, reason)];
}

function analyseDiscard({ tree }: AnalysedStatement, world: World): Finding[] {
  const what = (textAt(tree, 'target') ?? '').replace(/^DISCARD_/, '');
  if (what === 'ALL') world.setSearchPath(null);
  if (what === 'ALL' || what === 'TEMP') {
    const temporary = world.relations().filter(({ isTemporary }) => isTemporary);
    world.drop(
      temporary.map(({ id }) => id),
      true,
    );
  }
  return [
    safe('setting', `DISCARD ${what}`, 'session', 'what the session keeps for itself is discarded'),
  ];
}

function analyseComment({ tree }: AnalysedStatement): Finding[] {
  const object = tree.object;
  const named = textsOf(nodesAt(contentOf(object, 'List'), 'items')).join('.');
  return [safe('comment', 'COMMENT', named, 'a comment changes; rows stay as they are')];
}

/** LOCK of a cursor's rows and the like are left aside: they end with the transaction. */
const reads: Readonly<Record<string, readonly [operation: string, reason: string]>> = {
  VariableShowStmt: ['SHOW', 'shows a setting'],
  ExplainStmt: ['EXPLAIN', 'shows how a query would be run'],
  NotifyStmt: ['NOTIFY', 'tells those who listen; rows stay as they are'],
  ListenStmt: ['LISTEN', 'listens; rows stay as they are'],
  UnlistenStmt: ['UNLISTEN', 'stops listening; rows stay as they are'],
  DeclareCursorStmt: ['DECLARE CURSOR', 'opens a cursor'],
  FetchStmt: ['FETCH', 'reads from a cursor'],
  ClosePortalStmt: ['CLOSE', 'closes a cursor'],
  ConstraintsSetStmt: [
    'SET CONSTRAINTS',
    'when deferrable constraints are checked changes for the transaction',
  ],
};

function analyseRead({ kind }: AnalysedStatement): Finding[] {
  const [operation = kind, reason = ''] = reads[kind] ?? [];
  return [safe('read-only', operation, 'session', reason)];
}

function analyseLoad({ tree }: AnalysedStatement): Finding[] {
  return [
    finding({
      ...{ rule: 'opaque-code', operation: 'LOAD', object: textAt(tree, 'filename') ?? '' },
      ...{ safety: 'UNSAFE', reason: 'loads code into the server: what it does is not known' },
      unmeasured: 'what the code does is not known before it runs',
    }),
  ];
}

export const settingAnalysers: Analysers = {
  VariableSetStmt: analyseSet,
  SelectStmt: analyseSelect,
  TransactionStmt: analyseTransaction,
  DiscardStmt: analyseDiscard,
  CommentStmt: analyseComment,
  LoadStmt: analyseLoad,
  ...Object.fromEntries(Object.keys(reads).map((kind) => [kind, analyseRead])),
};
