import type { Command } from 'commander';
import type { NewToken } from '../../server/index.js';
import type { Bind } from '../bind.js';
import { describeRights, describeTokens } from '../output/describe-access.js';
import { printable } from '../output/printable.js';
import {
  type CatalogOptions,
  catalogOption,
  databaseOption,
  type RightsOptions,
  scopeOption,
  withAccess,
} from './access-options.js';
import { readUntil } from './protect.js';

interface CreateOptions extends CatalogOptions, RightsOptions {
  readonly name?: string;
  readonly expires?: string;
  readonly agent?: boolean;
}

export function addTokenCommand(program: Command, bind: Bind): void {
  const token = program.command('token').description('tokens by which scripts call a server');
  addCreate(token, bind);
  token
    .command('list')
    .description('tokens with what they may do; never the tokens themselves')
    .addOption(catalogOption())
    .action(
      bind<[], CatalogOptions>(async (context, options) => {
        const tokens = await withAccess(context, options, (access) => access.listTokens());
        context.print({ tokens }, () => describeTokens(context.style, tokens));
      }),
    );
  token
    .command('revoke')
    .description('end a token, and the sessions that it began; servers know within two seconds')
    .argument('<id>', 'its id, as `belay token list` shows it')
    .addOption(catalogOption())
    .action(
      bind<[string], CatalogOptions>(async (context, options, id) => {
        const revoked = await withAccess(context, options, (access) => access.revokeToken(id));
        context.print(revoked, () => `${revoked.id} (${printable(revoked.name)}) is revoked`);
      }),
    );
}

function addCreate(token: Command, bind: Bind): void {
  token
    .command('create')
    .description('make a token and print it, once')
    .addOption(scopeOption())
    .option('--name <name>', 'what it is for, as lists and the ledger call it')
    .addOption(databaseOption())
    .option('--expires <time>', 'when: a duration such as 90d or a time (default: never)')
    .option('--agent', 'for `belay agent`: takes jobs of its databases, and nothing else')
    .addOption(catalogOption())
    .action(
      bind<[], CreateOptions>(async (context, options) => {
        const order = await readOrder(options);
        const { token: text, record } = await withAccess(context, options, (access) =>
          access.createToken(order),
        );
        const { id, name, kind, scopes, databases, expiresAt } = record;
        const scope = kind === 'agent' ? 'agent' : scopes.length === 1 ? scopes[0] : scopes;
        const document = { token: text, id, scope, name, kind, databases, expiresAt };
        context.print(document, () => text);
        if (context.json) return;
        // Beside stdout, so that a script can take the token as it is.
        const what = `${id} (${printable(name)}): ${describeRights(record)}`;
        context.io.stderr.write(`${what}\nThis token is not shown again: keep it now.\n`);
      }),
    );
}

async function readOrder(options: CreateOptions): Promise<NewToken> {
  const { BelayError, parseDuration, parseTime } = await import('../../index.js');
  const { name, agent: isAgent, scope = [], database: databases } = options;
  if (!isAgent && scope.length === 0) {
    throw new BelayError('USAGE', 'a token needs a scope', {
      hint: 'Add --scope read, checkpoint, restore or admin. A deploy script needs no more than checkpoint.',
    });
  }
  const expiresAt = readUntil(options.expires, parseDuration, parseTime)?.toISOString();
  const kind = isAgent ? 'agent' : 'token';
  // Whether there are such scopes, the library says: a mistake in one must look the same everywhere.
  return { name, kind, databases, expiresAt, scopes: scope as NewToken['scopes'] };
}
