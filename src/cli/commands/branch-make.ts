import { type Command, Option } from 'commander';
import type {
  BranchIsolation,
  BranchPurpose,
  FoundBranch,
  SessionPolicy,
  Target,
} from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext, Library } from '../context.js';
import {
  describeCreated,
  describeDeleted,
  describeReset,
  describeSwitched,
} from '../output/describe-branch.js';
import { currentName, usedInWorkTrees, withRoot } from './branch-root.js';
import { confirmBranchDeletion } from './confirm.js';
import { sessionsOption, sessionsWaitOption } from './options.js';
import { readConfig, sessionPolicy } from './settings.js';

interface CreateOptions {
  readonly from?: string;
  readonly isolation?: BranchIsolation;
  readonly schema?: string;
  readonly ttl?: string;
  readonly purpose?: BranchPurpose;
  readonly ifExists?: 'fail' | 'reuse' | 'reset';
  readonly switch?: boolean;
  readonly sessions?: SessionPolicy;
}

export function addBranchMakeCommands(branch: Command, bind: Bind): void {
  addCreate(branch, bind);
  addSwitch(branch, bind);
  addReset(branch, bind);
  addDelete(branch, bind);
}

function addCreate(branch: Command, bind: Bind): void {
  branch
    .command('create')
    .description('make a branch, and print its URL')
    .argument('<name>', 'as a git branch is called')
    .option('--from <ref>', 'a snapshot, another branch, or "live" (the default)')
    .addOption(
      new Option('--isolation <kind>', 'what it gets of its own').choices([
        ...['database', 'schema', 'cluster'],
      ]),
    )
    .option('--schema <name>', 'of --isolation schema: the schema to copy (public)')
    .option('--ttl <duration>', 'lifetime such as 2h or 7d, or "none" (default: the config’s)')
    .addOption(
      new Option('--purpose <kind>', 'what it is for; decides the lifetime of the config').choices([
        ...['manual', 'git', 'ci'],
      ]),
    )
    .addOption(
      new Option('--if-exists <action>', 'where it is there already: fail (default)').choices([
        ...['fail', 'reuse', 'reset'],
      ]),
    )
    .option('--switch', 'make it the current branch of this working tree')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .action(bind<[string], CreateOptions>(create));
}

async function create(context: CommandContext, options: CreateOptions, name: string) {
  const { from, isolation, schema, purpose, ifExists = 'fail' } = options;
  const sessions = await sessionPolicy(context, options.sessions);
  const shown = await withRoot(context, 'branch create', async (root, library) => {
    const made = await library.createBranch(root, {
      ...context.work(library),
      ...{ name, from, isolation, schema, purpose, sessions },
      ttlMs: lifetime(options.ttl, library.parseDuration),
      ifExists: ifExists === 'fail' ? 'fail' : 'reuse',
    });
    const isReset = ifExists === 'reset' && !made.created;
    if (isReset) {
      await library.resetBranch(root, { ...context.work(library), name, sessions });
    }
    const branch = isReset ? await library.findBranch(root, name) : made.branch;
    if (options.switch) await switchTo(context, root, library, branch);
    await library.upkeepBranches(root, context.work(library));
    const { created, durationMs } = made;
    return { ...library.showBranch(branch, { withPassword: true }), created, durationMs };
  });
  context.print(shown, () => describeCreated(context.style, shown));
}

/** Undefined: what the config says; null: for ever. */
export function lifetime(
  text: string | undefined,
  parse: (text: string) => number,
): number | null | undefined {
  if (text === undefined) return undefined;
  return text === 'none' ? null : parse(text);
}

async function switchTo(
  context: CommandContext,
  root: Target,
  library: Library,
  branch: FoundBranch | null,
): Promise<void> {
  const { cwd, env } = context.io;
  const { reporter } = context.progress;
  if (branch?.state === 'stopped') await library.startBranchServer(branch, { env, reporter });
  const { warnings } = await library.switchToBranch(root, branch, { cwd });
  for (const message of warnings) context.progress.reporter({ type: 'warning', message });
  if (branch) await library.noteBranchUse(root, branch);
}

function addSwitch(branch: Command, bind: Bind): void {
  branch
    .command('switch')
    .description('work on a branch from now on, in this working tree; "main" leads back')
    .argument('<name>', 'a branch; or "main", or the target’s name, for the target itself')
    .option('-c, --create', 'make it first if it is not there')
    .action(
      bind<[string], { create?: boolean }>(async (context, options, name) => {
        const shown = await withRoot(context, 'branch switch', async (root, library) => {
          const main = (await readConfig(context))?.branches?.main ?? ['main', 'master'];
          const branches = await library.findBranches(root);
          const isThere = branches.some(({ record }) => record.name === name);
          const isRoot = !isThere && [...main, root.database, 'live'].includes(name);
          if (isRoot) {
            await switchTo(context, root, library, null);
            const url = library.connectionUrl(root.settings);
            return { name: null, database: root.database, url, isolation: null };
          }
          const found =
            options.create && !isThere
              ? (await library.createBranch(root, { ...context.work(library), name })).branch
              : await library.findBranch(root, name);
          await switchTo(context, root, library, found);
          await library.upkeepBranches(root, context.work(library));
          return library.showBranch(found);
        });
        context.print(shown, () => describeSwitched(context.style, shown));
      }),
    );
}

function addReset(branch: Command, bind: Bind): void {
  branch
    .command('reset')
    .description('put a branch back to its base, or to a snapshot; its URL stays')
    .argument('[name]', 'default: the current branch')
    .option('--to <ref>', 'a snapshot of the branch or of the target, instead of its base')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .action(
      bind<[string | undefined], { to?: string; sessions?: SessionPolicy }>(
        async (context, options, given) => {
          const sessions = await sessionPolicy(context, options.sessions);
          const name = await nameOrCurrent(context, given);
          const reset = await withRoot(context, 'branch reset', (root, library) =>
            library.resetBranch(root, {
              ...{ ...context.work(library), name, to: options.to, sessions },
            }),
          );
          context.print(reset, () => describeReset(context.style, reset));
        },
      ),
    );
}

/** @throws BelayError USAGE where no branch is current */
export async function nameOrCurrent(
  context: CommandContext,
  given: string | undefined,
): Promise<string> {
  const name = given ?? (await currentName(context));
  if (name !== null) return name;
  const { BelayError } = await import('../../index.js');
  throw new BelayError('USAGE', 'no branch was named, and none is current here', {
    hint: '`belay branch list` shows which there are.',
  });
}

function addDelete(branch: Command, bind: Bind): void {
  branch
    .command('delete')
    .description('remove a branch and its own snapshots for good')
    .argument('<name>')
    .option('--if-exists', 'do nothing where there is none')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .action(
      bind<[string], { ifExists?: boolean; sessions?: SessionPolicy }>(
        async (context, options, name) => {
          const sessions = await sessionPolicy(context, options.sessions);
          const current = await usedInWorkTrees(context);
          const deleted = await withRoot(context, 'branch delete', async (root, library) => {
            const branches = options.ifExists ? await library.findBranches(root) : undefined;
            if (branches && !branches.some(({ record }) => record.name === name)) {
              return { ok: true as const, name, database: null, snapshots: [] };
            }
            return library.deleteBranch(root, {
              ...{ ...context.work(library), name, current, sessions },
              confirm: (loss) => confirmBranchDeletion(context, loss),
            });
          });
          context.print(deleted, () => describeDeleted(context.style, deleted));
        },
      ),
    );
}
