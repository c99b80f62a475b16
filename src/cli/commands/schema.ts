import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describeDrift, describeModel, describeRecorded } from '../output/describe-model.js';
import { describeComparison, scriptLines } from '../output/describe-schema.js';
import { plainStyle } from '../output/style.js';
import { collect } from './arguments.js';
import { askRenames, parseRenames } from './renames.js';
import { addSchemaGraph } from './schema-graph.js';
import { addSchemaList } from './schema-list.js';

export function addSchemaCommand(program: Command, bind: Bind): void {
  const schema = program
    .command('schema')
    .description('the schema’s model, its versions, what changed between any two, and drift');
  addShow(schema, bind);
  addSnapshot(schema, bind);
  addSchemaList(schema, bind);
  addDiff(schema, bind);
  addDrift(schema, bind);
  addSchemaGraph(schema, bind);
}

function addShow(schema: Command, bind: Bind): void {
  schema
    .command('show')
    .description('print the schema as plain data')
    .argument('[side]', 'a version, a snapshot, a database URL, a .sql file, or "live"', 'live')
    .action(
      bind<[string], object>(async (context, _options, reference) => {
        const model = await withOptionalTarget(context, [reference], (target, library) =>
          library.showSchema(target, { ...context.work(library), env: context.io.env, reference }),
        );
        context.print(model, () => describeModel(context.style, model));
      }),
    );
}

interface SnapshotOptions {
  readonly output?: string;
  readonly name?: string;
}

function addSnapshot(schema: Command, bind: Bind): void {
  schema
    .command('snapshot')
    .description('record the schema as it is now as a version of the history')
    .option('--name <version>', 'its version (default: that of the last migration)')
    .option('-o, --output <file>', 'also write it: a model, or as SQL where the name ends in .sql')
    .action(
      bind<[], SnapshotOptions>(async (context, { output, name }) => {
        const result = await context.withTarget('schema', (target, library) =>
          library.createSchemaSnapshot(target, { ...context.work(library), output, name }),
        );
        context.print(result, () => describeRecorded(context.style, result));
      }),
    );
}

interface DiffOptions {
  readonly sql?: boolean;
  readonly rename?: string[];
  readonly renames?: boolean;
}

function addDiff(schema: Command, bind: Bind): void {
  schema
    .command('diff')
    .description('what turns schema A into schema B, as a list or as SQL')
    .argument('<a>', 'a version, a snapshot, a database URL, a .sql file, or "live"')
    .argument('[b]', 'the same', 'live')
    .option('--sql', 'the SQL that turns A into B, proven on a copy of A’s schema')
    .option(
      '--rename <old=new>',
      'this was renamed, not dropped and added; may be given again',
      collect,
    )
    .option('--no-renames', 'nothing else was renamed')
    .action(
      bind<[string, string], DiffOptions>(async (context, options, a, b) => {
        const renames = await parseRenames(options.rename ?? []);
        const result = await withOptionalTarget(context, [a, b], (target, library) =>
          library.compareSchemaSides(target, {
            ...context.work(library),
            ...{ a, b, sql: options.sql, renames, env: context.io.env },
            noRenames: options.renames === false,
            ...(context.isInteractive ? { askRenames: (all) => askRenames(context, all) } : {}),
          }),
        );
        const { script, ...comparison } = result;
        const sql = script && scriptLines(plainStyle, script).join('\n');
        const document = script
          ? { ...comparison, sql, statements: script.statements, unresolved: script.unresolved }
          : comparison;
        context.print(document, () => describeComparison(context.style, result));
      }),
    );
}

function addDrift(schema: Command, bind: Bind): void {
  schema
    .command('drift')
    .description('compare the live schema with the last one that was recorded')
    .action(
      bind<[], object>(async (context) => {
        const drift = await context.withTarget('schema', (target, library) =>
          library.readDrift(target, context.work(library)),
        );
        context.print(drift, () => describeDrift(context.style, drift));
        if (drift.drifted) context.exitWith(7);
      }),
    );
}

/** Two files, or two URLs, can be compared without a target. */
async function withOptionalTarget<T>(
  context: CommandContext,
  references: readonly string[],
  run: (
    target: import('../../index.js').Target | null,
    library: typeof import('../../index.js'),
  ) => Promise<T>,
): Promise<T> {
  const needNone = references.every((one) => /\.(?:sql|json)$/.test(one) || one.includes('://'));
  if (needNone && context.options.url === undefined && context.options.target === undefined) {
    return run(null, await import('../../index.js'));
  }
  return context.withTarget('schema', run);
}
