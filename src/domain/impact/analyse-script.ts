import { type Finding, finding } from './finding.js';
import { ScriptCourse, type Step } from './script-course.js';
import type { SimulatedWorld } from './simulated-world.js';
import { contentOf, kindOf, nodesAt, textAt } from './world/tree.js';
import type { AnalysedStatement, Analysers, Tree } from './world.js';

/** A statement of a script and what it does. */
export interface StatementFindings<S extends AnalysedStatement = AnalysedStatement> {
  readonly statement: S;
  /** From 1, over all scripts that were analysed in this world. */
  readonly index: number;
  readonly findings: readonly Finding[];
}

export interface AnalyseScriptOptions {
  /** Number of the first statement; default 1. */
  readonly first?: number;
  /** Whether the statement (from 0) is the last one of its script: what that has set does not hold in the next one. */
  readonly endsScript?: (at: number) => boolean;
}

/** Rules after which nobody knows what is there. */
const obscuring = new Set(['opaque-code', 'unknown-statement']);

/**
 * Says of each statement what it does, one after another: the world is afterwards as the script leaves it, unless
 * the script takes something back.
 */
export function analyseScript<S extends AnalysedStatement>(
  statements: readonly S[],
  world: SimulatedWorld,
  analysers: Analysers,
  { first = 1, endsScript = () => false }: AnalyseScriptOptions = {},
): StatementFindings<S>[] {
  let current = world;
  const course = new ScriptCourse();
  return statements.map((statement, at) => {
    const index = first + at;
    const one = { statement, index, endsScript: endsScript(at) };
    const findings = step(one, current, analysers);
    // What is rolled back did not happen: a new world sees only what is left.
    if (course.add(one) === 'taken back') {
      current = current.anew();
      for (const left of course.left) step(left, current, analysers);
      if (one.endsScript) current.endScript();
    }
    return { statement, index, findings };
  });
}

function step(
  { statement, index, endsScript }: Step,
  world: SimulatedWorld,
  analysers: Analysers,
): readonly Finding[] {
  world.statement = index;
  const findings = analyseStatement(statement, world, analysers);
  if (findings.some(({ rule }) => obscuring.has(rule))) world.isUncertain = true;
  if (endsScript) world.endScript();
  return findings;
}

function analyseStatement(
  statement: AnalysedStatement,
  world: SimulatedWorld,
  analysers: Analysers,
): readonly Finding[] {
  const analyser = analysers[statement.kind];
  if (!analyser) return [unknownStatement(statement)];
  const own = analyser(statement, world);
  const within = withinOf(statement).flatMap((inner) => {
    return inSchema(statement, world, () => analyseStatement(inner, world, analysers));
  });
  const all = [...own, ...within.filter(({ rule }) => rule !== 'read-only')];
  return all.length > 0 || statement.kind !== 'SelectStmt' ? all : [readOnly];
}

const readOnly = finding({
  ...{ rule: 'read-only', operation: 'SELECT', object: 'query', safety: 'SAFE' },
  reason: 'reads, and changes nothing',
});

/** Statements that another one runs: of CREATE SCHEMA, EXPLAIN ANALYZE, CREATE TABLE AS, … */
function withinOf({ kind, tree, sql }: AnalysedStatement): AnalysedStatement[] {
  const statementOf = (node: Tree): AnalysedStatement => {
    const [inner, content] = kindOf(node);
    return { kind: inner, tree: content, sql };
  };
  switch (kind) {
    case 'CreateSchemaStmt':
      return nodesAt(tree, 'schemaElts').map(statementOf);
    case 'ExplainStmt':
      return isAnalyzed(tree) ? queryOf(tree).map(statementOf) : [];
    case 'CreateTableAsStmt':
    case 'CopyStmt':
    case 'DeclareCursorStmt':
      return queryOf(tree).map(statementOf);
    default:
      return [];
  }
}

const queryOf = ({ query }: Tree): Tree[] =>
  typeof query === 'object' && query !== null ? [query as Tree] : [];

/** `EXPLAIN (ANALYZE off)` runs nothing. */
function isAnalyzed(tree: Tree): boolean {
  const option = nodesAt(tree, 'options')
    .map((node) => contentOf(node, 'DefElem'))
    .find((element) => textAt(element, 'defname') === 'analyze');
  if (!option) return false;
  const value = textAt(contentOf(option.arg, 'String'), 'sval')?.toLowerCase();
  return !['off', 'false', '0', 'no'].includes(value ?? 'on');
}

/** The elements of CREATE SCHEMA are made in that schema. */
function inSchema<T>({ kind, tree }: AnalysedStatement, world: SimulatedWorld, work: () => T): T {
  const name = textAt(tree, 'schemaname');
  if (kind !== 'CreateSchemaStmt' || name === undefined) return work();
  return world.within(name, work);
}

function unknownStatement({ sql, kind }: AnalysedStatement): Finding {
  const words = sql.split(/\s+/, 2).join(' ').toUpperCase() || kind;
  return finding({
    ...{ rule: 'unknown-statement', operation: words, object: words, safety: 'UNSAFE' },
    reason: `Belay does not know what ${words} does: \`belay rehearse\` measures it on a copy`,
    unmeasured: 'Belay does not know the statement',
  });
}
