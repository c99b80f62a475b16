import { loadConfig } from '../../config/load-config.js';
import { type ResolveTargetInput, resolveTarget } from '../../config/resolve-target.js';
import { BelayError } from '../../errors.js';
import { describeServer } from '../../postgres/connection-url.js';
import type { Place } from '../executor.js';

/** What the command line says of its target and store. */
export interface CommandTarget extends ResolveTargetInput {
  readonly store?: string | undefined;
}

/** The database of the command line, and the targets of the configuration. One that cannot be read now is listed by its name. */
export async function findPlaces(command: CommandTarget): Promise<Place[]> {
  const { cwd, env } = command;
  const main = await describePlace(command);
  const loaded = await loadConfig({ cwd, env }).catch(() => undefined);
  const names = Object.keys(loaded?.config.targets ?? {}).filter((name) => name !== main?.name);
  const others = await Promise.all(
    names.map(async (target) => {
      const found = await describePlace({ target, cwd, env });
      const { environment = null } = loaded?.config.targets[target] ?? {};
      const nothing = { name: target, environment, server: null };
      return { ...(found ?? nothing), name: target, isDefault: false };
    }),
  );
  return [...(main ? [{ ...main, isDefault: true }] : []), ...others];
}

async function describePlace(command: CommandTarget): Promise<Place | undefined> {
  const found = await resolveTarget(command).catch(() => undefined);
  if (!found) return undefined;
  const { name, settings, environment = null } = found;
  const server = describeServer(settings);
  return { name: name ?? settings.database, environment, server, isDefault: true };
}

/**
 * How the database is found that a call names.
 * @throws BelayError NO_TARGET naming those that there are
 */
export async function targetOf(
  command: CommandTarget,
  place: string | undefined,
): Promise<CommandTarget> {
  if (place === undefined) return command;
  const places = await findPlaces(command);
  const found = places.find(({ name }) => name === place);
  if (!found) {
    throw new BelayError('NO_TARGET', `there is no target "${place}"`, {
      hint:
        places.length === 0
          ? 'No database was found; see `belay mcp --help`.'
          : `There are: ${places.map(({ name }) => name).join(', ')}.`,
    });
  }
  if (found.isDefault) return command;
  const { cwd, env, store } = command;
  return { cwd, env, store, target: place };
}
