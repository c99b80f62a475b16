import path from 'node:path';
import { type Command, Option } from 'commander';
import type { CodebaseSearch, ImpactPlan, PolicyResult } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describeImpact } from '../output/describe-impact.js';
import { describeMentions } from '../output/describe-mentions.js';
import { readOwnVersion } from '../own-version.js';
import { collect } from './arguments.js';
import { countTimeoutOption } from './options.js';
import { askRenames, parseRenames } from './renames.js';
import { readAll } from './run-words.js';
import { readConfig } from './settings.js';

const formats = ['text', 'markdown', 'sarif'] as const;

interface Options {
  readonly check?: boolean;
  readonly codebase?: string;
  readonly format?: (typeof formats)[number];
  readonly countTimeout?: string;
  readonly rename?: string[];
  readonly renames?: boolean;
  readonly verbose?: boolean;
}

/** Exit code of a plan that the policy refuses. */
const refused = 3;

export function addPlanCommand(program: Command, bind: Bind): void {
  program
    .command('plan')
    .description('what a migration would do to the data that is there now; changes nothing')
    .argument(
      '[input...]',
      'files of SQL, one folder of migrations, OLD.sql:NEW.sql, or - (default: what is pending)',
    )
    .option('--check', 'exit with 3 where the policy of the config refuses it (for CI)')
    .addOption(
      new Option(
        '--format <format>',
        'how it is printed: for people, a pull request, code scanning',
      ).choices([...formats]),
    )
    .option('--codebase <dir>', 'where the code in this folder still names what goes; a hint')
    .option('--verbose', 'also what harmless statements do')
    .option(
      '--rename <old=new>',
      'of OLD:NEW: this was renamed, not dropped and added; may be given again',
      collect,
    )
    .option('--no-renames', 'of OLD:NEW: nothing else was renamed')
    .addOption(countTimeoutOption())
    .action(bind<[string[]], Options>(plan));
}

async function plan(
  context: CommandContext,
  options: Options,
  input: readonly string[],
): Promise<void> {
  const { BelayError, parseDuration } = await import('../../index.js');
  if (context.json && options.format !== undefined) {
    throw new BelayError('USAGE', '--json and --format are two ways to print the same plan', {
      hint: 'Leave one of them out.',
    });
  }
  const renames = await parseRenames(options.rename ?? []);
  const { countTimeout } = options;
  const order = {
    input: input.includes('-') ? { stdin: await readAll(context) } : input,
    countTimeoutMs: countTimeout === undefined ? undefined : parseDuration(countTimeout),
    noRenames: options.renames === false,
    renames,
    askRenames: context.isInteractive ? askRenames.bind(null, context) : undefined,
  };
  const found = await context.withTarget('plan', (target, library) => {
    const { signal, reporter } = context.work(library);
    return library.planInput(target, { ...order, signal, reporter });
  });
  const policy = await policyOf(context, found, options);
  const codebase = await searchCode(context, found, options);
  await print(context, { found, policy, codebase }, { ...options, title: titleOf(input) });
  if (options.check && policy && !policy.ok) context.exitWith(refused);
}

const titleOf = (input: readonly string[]): string =>
  input.length === 0
    ? 'pending migrations'
    : input.map((one) => (one === '-' ? 'stdin' : one)).join(', ');

/** The config's; without one only what `--check` goes by. */
async function policyOf(
  context: CommandContext,
  found: ImpactPlan,
  { check }: Options,
): Promise<PolicyResult | undefined> {
  const policy = (await readConfig(context))?.migrations?.policy;
  if (policy === undefined && !check) return undefined;
  const { evaluatePolicy } = await import('../../index.js');
  return evaluatePolicy(found, policy);
}

async function searchCode(
  { io }: CommandContext,
  found: ImpactPlan,
  { codebase }: Options,
): Promise<CodebaseSearch | undefined> {
  if (codebase === undefined) return undefined;
  const { goneNames, searchCodebase } = await import('../../index.js');
  const { signal, cwd } = io;
  const except = found.statements.map(({ file }) => path.resolve(cwd, file));
  return searchCodebase(path.resolve(cwd, codebase), goneNames(found), { signal, except });
}

interface Answer {
  readonly found: ImpactPlan;
  readonly policy: PolicyResult | undefined;
  readonly codebase: CodebaseSearch | undefined;
}

async function print(
  context: CommandContext,
  { found, policy, codebase }: Answer,
  { format, verbose, title }: Options & { readonly title: string },
): Promise<void> {
  const { io, style } = context;
  if (format === 'sarif' || format === 'markdown') {
    const { toMarkdown, toSarif } = await import('../../index.js');
    context.progress.stop();
    const text =
      format === 'markdown'
        ? toMarkdown(found, { title, policy, codebase })
        : JSON.stringify(toSarif(found, { policy, version: readOwnVersion() }), null, 2);
    io.stdout.write(`${text.trimEnd()}\n`);
    return;
  }
  const columns = io.stdout.columns;
  const extra = { ...(policy ? { policy } : {}), ...(codebase ? { codebase } : {}) };
  context.print({ ...found, ...extra }, () =>
    [
      describeImpact(style, found, { title, columns, policy, verbose }),
      ...(codebase ? [describeMentions(style, codebase, columns)] : []),
    ].join('\n\n'),
  );
}
