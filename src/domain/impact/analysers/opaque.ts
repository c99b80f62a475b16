import { type Finding, finding } from '../finding.js';
import { replaceNodes } from '../grammar.js';
import { printedName, printedPart } from '../world/printed-names.js';
import {
  contentOf,
  kindOf,
  namesOf,
  nodesAt,
  qualifiedNameOf,
  textAt,
  treeAt,
} from '../world/tree.js';
import type { Analysers, Tree, World } from '../world.js';
import { analyseWith } from './dml/with.js';
import { dmlAnalysers } from './dml.js';
import { opaqueReason, volatileCalls } from './opaque/volatile-calls.js';

/** A SELECT that changes nothing itself; what its WITH and its functions do is something else. */
function analyseSelect(tree: Tree, world: World): readonly Finding[] {
  const { rest, findings } = analyseWith(tree, world, dmlAnalysers);
  const calls = volatileCalls(rest, world);
  if (findings.length + calls.length > 0) return [...findings, ...calls];
  const reason = 'reads, and changes nothing';
  return [finding({ rule: 'read-only', operation: 'SELECT', object: '', safety: 'SAFE', reason })];
}

function opaque(operation: string, object: string, unmeasured: string): Finding {
  return finding({
    ...{ rule: 'opaque-code', operation, object, safety: 'UNSAFE', unmeasured },
    reason: opaqueReason,
  });
}

function analyseDo(tree: Tree): readonly Finding[] {
  const language = nodesAt(tree, 'args')
    .map((node) => contentOf(node, 'DefElem'))
    .find((option) => textAt(option, 'defname') === 'language');
  const name = textAt(contentOf(treeAt(language, 'arg'), 'String'), 'sval') ?? 'plpgsql';
  return [opaque('DO', `a block of ${name}`, 'the block may change any rows')];
}

function analyseCall(tree: Tree): readonly Finding[] {
  const parts = namesOf(nodesAt(treeAt(tree, 'funccall'), 'funcname'));
  const { schema, name } = qualifiedNameOf(parts);
  const shown = schema === undefined ? printedPart(name) : printedName(schema, name);
  return [opaque('CALL', `${shown}()`, 'the procedure may change any rows')];
}

// Beside the world, as long as it lives.
const prepared = new WeakMap<World, Map<string, Tree>>();

function analysePrepare(tree: Tree, world: World): readonly Finding[] {
  const name = textAt(tree, 'name') ?? '';
  const query = treeAt(tree, 'query');
  const known = prepared.get(world) ?? new Map<string, Tree>();
  if (query) known.set(name, query);
  prepared.set(world, known);
  const reason = 'is prepared and not run yet';
  return [
    finding({
      ...{
        rule: 'read-only',
        operation: 'PREPARE',
        object: printedPart(name),
        safety: 'SAFE',
        reason,
      },
    }),
  ];
}

/** What was prepared, with the values in place of its parameters. */
function analyseExecute(tree: Tree, world: World): readonly Finding[] {
  const name = textAt(tree, 'name') ?? '';
  const query = prepared.get(world)?.get(name);
  if (!query) return [opaque('EXECUTE', printedPart(name), 'the script does not prepare it')];
  const values = nodesAt(tree, 'params');
  const filled = replaceNodes(query, (kind, content) => {
    const number = Number(content.number ?? 0);
    return kind === 'ParamRef' ? values[number - 1] : undefined;
  });
  const [kind, content] = kindOf(filled as Tree);
  const analyser = dmlAnalysers[kind] ?? opaqueAnalysers[kind];
  const findings = analyser?.({ sql: '', kind, tree: content }, world);
  return (
    findings ?? [opaque('EXECUTE', printedPart(name), 'Belay does not know what was prepared')]
  );
}

/** Statements that run code, or what was said before. */
export const opaqueAnalysers: Analysers = {
  SelectStmt: ({ tree }, world) => analyseSelect(tree, world),
  DoStmt: ({ tree }) => analyseDo(tree),
  CallStmt: ({ tree }) => analyseCall(tree),
  PrepareStmt: ({ tree }, world) => analysePrepare(tree, world),
  ExecuteStmt: ({ tree }, world) => analyseExecute(tree, world),
  DeallocateStmt: ({ tree }) => [
    finding({
      ...{ rule: 'read-only', operation: 'DEALLOCATE', object: textAt(tree, 'name') ?? 'ALL' },
      ...{ safety: 'SAFE', reason: 'forgets what was prepared' },
    }),
  ],
};
