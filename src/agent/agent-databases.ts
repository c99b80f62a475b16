import { loadConfig } from '../config/load-config.js';
import { databaseNameSchema } from '../contract/names.js';
import { BelayError } from '../errors.js';
import { type OpenTargetOptions, openTarget, type Target } from '../features/target/open-target.js';
import { configuredDatabases } from '../jobs/databases/configured-databases.js';
import type { RegisteredDatabase } from '../jobs/databases/databases.js';

/** A database that an agent serves: its registered name, and how the agent alone reaches it. */
export interface AgentDatabase {
  readonly name: string;
  /**
   * Connects. The caller closes it.
   * @param environment as the server has it: production there is production here, whatever the configuration says
   */
  open(action: string, environment?: RegisteredDatabase['environment']): Promise<Target>;
}

export interface AgentDatabasesInput extends OpenTargetOptions {
  /**
   * "NAME=TARGET" with a target of the configuration or a URL, or "NAME" alone for a target of that name, else for the database
   * of the command line. None: that one, else all targets of the configuration, by their own names.
   */
  readonly databases: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Finds what an agent is to serve; nothing is connected yet.
 * @throws BelayError USAGE, NO_TARGET, BAD_URL, BAD_CONFIG
 */
export async function findAgentDatabases(input: AgentDatabasesInput): Promise<AgentDatabase[]> {
  const found =
    input.databases.length === 0 ? await unnamed(input) : await named(input, input.databases);
  for (const { name } of found) {
    if (databaseNameSchema.safeParse(name).success) continue;
    throw new BelayError('USAGE', `"${name}" cannot be a registered name`, {
      hint: 'Letters, digits, ".", "_" and "-"; --database NAME=TARGET gives a target another one.',
    });
  }
  const twice = found.find(
    ({ name }, index) => found.findIndex((one) => one.name === name) < index,
  );
  if (twice) {
    throw new BelayError('USAGE', `the database "${twice.name}" is named twice`, {
      hint: 'Name each once.',
    });
  }
  return found;
}

async function unnamed(input: AgentDatabasesInput): Promise<AgentDatabase[]> {
  const configured = await configuredDatabases(input);
  if (configured.length > 0) {
    return configured.map(({ name, url }) => opener(name, { ...placeOf(input), url }));
  }
  throw new BelayError('NO_TARGET', 'no database was found that the agent could serve', {
    hint: 'Give --database NAME=TARGET, --url postgres://…, or a belay.config.json with targets.',
  });
}

async function named(
  input: AgentDatabasesInput,
  databases: readonly string[],
): Promise<AgentDatabase[]> {
  const loaded = await loadConfig(input);
  const targets = Object.keys(loaded?.config.targets ?? {});
  return databases.map((text) => {
    const [, name = text, target] = /^([^=]*)=(.+)$/s.exec(text) ?? [];
    if (target !== undefined) {
      const isUrl = target.includes('://') || target.includes('=');
      return opener(name, { ...placeOf(input), ...(isUrl ? { url: target } : { target }) });
    }
    if (targets.includes(name)) return opener(name, { ...placeOf(input), target: name });
    if (databases.length > 1) {
      throw new BelayError('USAGE', `nothing says where the database "${name}" is`, {
        hint: `Write --database ${name}=TARGET, with a target of belay.config.json or a URL.`,
      });
    }
    const { url, target: chosen } = input;
    return opener(name, { ...placeOf(input), url, target: chosen });
  });
}

const placeOf = ({ cwd, env, store, maintenanceDatabase }: AgentDatabasesInput) => ({
  ...{ cwd, env, store, maintenanceDatabase },
});

function opener(name: string, where: OpenTargetOptions): AgentDatabase {
  return {
    name,
    open: async (action, environment) => {
      const target = await openTarget({ ...where, action: `agent ${action}` });
      return environment === 'production' ? { ...target, environment } : target;
    },
  };
}
