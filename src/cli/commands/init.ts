import { type Command, Option } from 'commander';
import type { InitializedProject } from '../../index.js';
import type { Bind } from '../bind.js';

interface Options {
  readonly force?: boolean;
  readonly environment?: 'development' | 'production';
}

export function addInitCommand(program: Command, bind: Bind): void {
  program
    .command('init')
    .description('write belay.config.json for this project: its database and its migration tool')
    .option('--force', 'replace a config that is there; the old one is kept beside it')
    .addOption(
      new Option('--environment <kind>', 'what the production guard goes by').choices([
        'development',
        'production',
      ]),
    )
    .action(
      bind<[], Options>(async (context, { force, environment }) => {
        const { initProject } = await import('../../index.js');
        const project = await initProject({
          ...{ cwd: context.io.cwd, env: context.io.env, url: context.options.url },
          ...{ force, environment, reporter: context.progress.reporter },
        });
        context.print(project, () => describeProject(project));
      }),
    );
}

function describeProject({ config, target, migrationTool }: InitializedProject): string {
  const marked = target.environment ? `, counts as ${target.environment}` : '';
  const tool = migrationTool
    ? `${migrationTool.tool}${migrationTool.directory ? ` (${migrationTool.directory})` : ''}`
    : 'none found';
  return [
    `wrote ${config}`,
    `  database        "${target.database}" on ${target.server}, from ${target.source}${marked}`,
    `  migration tool  ${tool}`,
    'next: `belay doctor`, then `belay snapshot baseline`',
  ].join('\n');
}
