import { createHash } from 'node:crypto';
import path from 'node:path';
import { silentReporter } from '../domain/reporter.js';
import type { ConnectionSettings } from '../postgres/settings.js';
import type { TestDatabaseStep, TestDatabasesOptions } from './options.js';
import { prepareStep } from './steps.js';

/** What the template is made of, read once for a process. */
export interface TemplateRecipe {
  readonly fingerprint: string;
  readonly project: string;
  build(settings: ConnectionSettings): Promise<void>;
}

/** Raised when templates are made in another way, so that old ones are not taken for new. */
const recipeFormat = 1;

const listOf = (steps: TestDatabaseStep | readonly TestDatabaseStep[] | undefined) =>
  (steps === undefined ? [] : Array.isArray(steps) ? steps : [steps]) as TestDatabaseStep[];

const hash = (parts: unknown) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/**
 * Reads the migrations and the seed, and what makes the template another one: their contents, the server's major version and the role.
 * @throws BelayError USAGE, MIGRATIONS_NOT_FOUND, BAD_MIGRATION, FILE_ERROR
 */
export async function readRecipe(
  options: TestDatabasesOptions,
  server: { readonly major: number; readonly user: string },
): Promise<TemplateRecipe> {
  const { cwd = process.cwd(), env = process.env, reporter = silentReporter } = options;
  const context = { cwd, env, reporter };
  const all = [...listOf(options.migrations), ...listOf(options.seed)];
  const steps = await Promise.all(all.map((step) => prepareStep(step, context)));
  const identities = steps.map(({ identity }) => identity);
  const project = options.project ?? projectOf(cwd);
  return {
    fingerprint: hash([recipeFormat, server.major, server.user, project, identities]),
    project,
    build: async (settings) => {
      for (const step of steps) await step.apply(settings);
    },
  };
}

/** The folder, for people, and a hash of where it is: two checkouts are two projects. */
function projectOf(cwd: string): string {
  const folder = path.resolve(cwd);
  return `${path.basename(folder).slice(0, 60)} ${hash(folder).slice(0, 8)}`;
}
