import { Option } from 'commander';
import type { Access } from '../../server/index.js';
import type { CommandContext } from '../context.js';
import { collect } from './arguments.js';

/** Whose tokens and people. */
export interface CatalogOptions {
  readonly catalog?: string;
}

/** What somebody may do, and where. */
export interface RightsOptions {
  readonly scope?: readonly string[];
  readonly database?: readonly string[];
}

export function catalogOption(): Option {
  return new Option(
    '--catalog <url>',
    'PostgreSQL with the server’s catalog (default: BELAY_CATALOG, else Belay’s own)',
  );
}

export function scopeOption(): Option {
  return new Option(
    '--scope <scope>',
    'what it may do: read, checkpoint, restore or admin; repeatable',
  ).argParser(collect);
}

export function databaseOption(): Option {
  return new Option(
    '--database <name>',
    'only on this registered database; repeatable (default: on all)',
  ).argParser(collect);
}

/** Opens the catalog, which needs no server to run. */
export async function withAccess<T>(
  context: CommandContext,
  { catalog: catalogUrl }: CatalogOptions,
  work: (access: Access) => Promise<T>,
): Promise<T> {
  const library = await import('../../server/index.js');
  const signal = context.beginWork();
  const { env } = context.io;
  return library.withAccess({ catalogUrl, env, signal, reporter: context.progress.reporter }, work);
}
