import { type Finding, finding } from '../finding.js';
import { textsOf } from '../grammar.js';
import { printedName } from '../world/printed-names.js';
import { contentOf, nodesAt, textAt } from '../world/tree.js';
import type { AnalysedStatement, Analysers, Tree, World } from '../world.js';
import { missing } from './missing.js';
import { findNamed, kindOfObject } from './named-object.js';

interface OtherStatement {
  readonly operation: string;
  readonly reason: string;
  /** Key of its name: a text, or a list of texts. */
  readonly name: string;
}

const rowsStay = 'rows that are there stay as they are';

/** Statements that change properties of objects without rows. */
const others: Readonly<Record<string, OtherStatement>> = {
  AlterFunctionStmt: {
    ...{ operation: 'ALTER FUNCTION', name: 'func' },
    reason: `properties of a function change; ${rowsStay}`,
  },
  AlterOpFamilyStmt: {
    ...{ operation: 'ALTER OPERATOR FAMILY', name: 'opfamilyname' },
    reason: `operators of the family change; indexes that use it are not built anew`,
  },
  AlterOperatorStmt: {
    ...{ operation: 'ALTER OPERATOR', name: 'opername' },
    reason: `properties of an operator change; ${rowsStay}`,
  },
  AlterCollationStmt: {
    ...{ operation: 'ALTER COLLATION REFRESH VERSION', name: 'collname' },
    reason:
      'the version counts as known; indexes that were sorted by another one stay wrong until REINDEX',
  },
  AlterFdwStmt: {
    ...{ operation: 'ALTER FOREIGN DATA WRAPPER', name: 'fdwname' },
    reason: `how foreign servers are reached changes; ${rowsStay}`,
  },
  AlterForeignServerStmt: {
    ...{ operation: 'ALTER SERVER', name: 'servername' },
    reason: 'its foreign tables may show the rows of another server from now on',
  },
  AlterUserMappingStmt: {
    ...{ operation: 'ALTER USER MAPPING', name: 'servername' },
    reason: 'how a role reaches a foreign server changes',
  },
  AlterPublicationStmt: {
    ...{ operation: 'ALTER PUBLICATION', name: 'pubname' },
    reason: 'subscribers get the changes of other tables from now on; what they have stays',
  },
  AlterEventTrigStmt: {
    ...{ operation: 'ALTER EVENT TRIGGER', name: 'trigname' },
    reason: 'when a function runs at DDL changes',
  },
  AlterTSConfigurationStmt: {
    ...{ operation: 'ALTER TEXT SEARCH CONFIGURATION', name: 'cfgname' },
    reason:
      'texts are taken apart otherwise from now on; what tsvector columns hold stays as it was',
  },
  AlterTSDictionaryStmt: {
    ...{ operation: 'ALTER TEXT SEARCH DICTIONARY', name: 'dictname' },
    reason:
      'texts are taken apart otherwise from now on; what tsvector columns hold stays as it was',
  },
};

function nameAt(tree: Tree, key: string): string {
  const text = textAt(tree, key);
  if (text !== undefined) return text;
  const content = contentOf(tree[key], 'ObjectWithArgs') ?? (tree[key] as Tree | undefined);
  const nodes = Array.isArray(content) ? nodesAt(tree, key) : nodesAt(content, 'objname');
  return printedName(...textsOf(nodes));
}

function analyseOther({ kind, tree }: AnalysedStatement): Finding[] {
  const { operation = kind, reason = '', name = '' } = others[kind] ?? {};
  return [
    finding({
      ...{ rule: 'alter-object', operation, object: nameAt(tree, name) },
      safety: 'SAFE',
      reason,
    }),
  ];
}

/** A newer version's script may do anything. */
function alterExtension({ tree }: AnalysedStatement, world: World): Finding[] {
  const name = textAt(tree, 'extname') ?? '';
  const facts = { operation: 'ALTER EXTENSION UPDATE', object: printedName(name) };
  if (!world.findObject('extension', { schema: '', name })) {
    return [missing(world, facts, { kind: 'extension', name })];
  }
  return [
    finding({
      ...{ ...facts, rule: 'opaque-code', safety: 'UNSAFE' },
      reason:
        'runs the scripts of another version of the extension: `belay rehearse` measures them on a copy',
      unmeasured: 'what the scripts do is not known before they run',
    }),
  ];
}

/** ALTER EXTENSION … ADD or DROP: what goes with the extension, and what stays without it. */
function alterContents({ tree }: AnalysedStatement, world: World): Finding[] {
  const name = textAt(tree, 'extname') ?? '';
  const isAdded = Number(tree.action) > 0;
  const operation = `ALTER EXTENSION ${isAdded ? 'ADD' : 'DROP'}`;
  const member = findNamed(world, textAt(tree, 'objtype') ?? '', tree.object);
  const extension = world.findObject('extension', { schema: '', name });
  if (extension && member.id && isAdded) world.addDependency(member.id, extension.id, 'a');
  const reason = isAdded
    ? `${member.kind} ${member.name} goes with the extension from now on`
    : `${member.kind} ${member.name} does not go with the extension any more`;
  return [
    finding({
      ...{ rule: 'alter-object', operation, object: printedName(name) },
      safety: 'SAFE',
      reason,
    }),
  ];
}

/** ALTER … DEPENDS ON EXTENSION. */
function alterDepends({ tree }: AnalysedStatement): Finding[] {
  const kind = kindOfObject(textAt(tree, 'objectType') ?? '');
  const extension = textAt(contentOf(tree.extname, 'String'), 'sval') ?? '';
  const reason = `the ${kind} ${tree.remove === true ? 'does not go' : 'goes'} with the extension ${extension}`;
  return [
    finding({
      ...{ rule: 'alter-object', operation: `ALTER ${kind.toUpperCase()} DEPENDS ON EXTENSION` },
      ...{ object: extension, safety: 'SAFE', reason },
    }),
  ];
}

/** Rows arrive from elsewhere as long as it runs: none that are there are taken away by the statement. */
function subscription({ kind, tree }: AnalysedStatement): Finding[] {
  const isNew = kind === 'CreateSubscriptionStmt';
  return [
    finding({
      ...{ rule: 'opaque-code', operation: isNew ? 'CREATE SUBSCRIPTION' : 'ALTER SUBSCRIPTION' },
      ...{ object: textAt(tree, 'subname') ?? '', safety: 'UNSAFE' },
      reason:
        'another server’s inserts, updates, deletes and truncates change rows of this database from now on',
      unmeasured: 'what arrives is not known',
    }),
  ];
}

function importSchema({ tree }: AnalysedStatement): Finding[] {
  return [
    finding({
      ...{ rule: 'create-object', operation: 'IMPORT FOREIGN SCHEMA', safety: 'SAFE' },
      object: printedName(textAt(tree, 'local_schema') ?? ''),
      reason: 'foreign tables are made; their rows lie outside of this database',
    }),
  ];
}

export const otherAnalysers: Analysers = {
  ...Object.fromEntries(Object.keys(others).map((kind) => [kind, analyseOther])),
  AlterExtensionStmt: alterExtension,
  AlterExtensionContentsStmt: alterContents,
  AlterObjectDependsStmt: alterDepends,
  CreateSubscriptionStmt: subscription,
  AlterSubscriptionStmt: subscription,
  ImportForeignSchemaStmt: importSchema,
};
