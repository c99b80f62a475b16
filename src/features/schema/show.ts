import { silentReporter } from '../../domain/reporter.js';
import { type DescribedModel, describeModel } from '../../domain/schema-model.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { noScratch, withScratch } from './scratch.js';
import { findSide } from './side.js';

export interface ShowSchemaOptions extends WorkOptions {
  /** "live", a version, a snapshot, a database URL or a `.sql` file; default "live". */
  readonly reference?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Reads a schema as plain data: every object with all that matters about it, in a stable order.
 *
 * @example
 * const { checksum, objects } = await showSchema(target);
 * @param target null where the reference is a file or a URL
 * @throws BelayError VERSION_NOT_FOUND, SNAPSHOT_NOT_FOUND, MODEL_NOT_KEPT, BAD_SCHEMA_FILE
 */
export async function showSchema(
  target: Target | null,
  options: ShowSchemaOptions = {},
): Promise<DescribedModel> {
  const { reference = 'live', signal, reporter = silentReporter } = options;
  const cwd = options.cwd ?? target?.cwd ?? process.cwd();
  const env = options.env ?? target?.env ?? process.env;
  const scratch = { target, runs: 'foreign' as const, env, signal, reporter };
  const show = async (work: Work | null) => {
    const side = await findSide({ work, cwd, env, signal }, reference);
    if (side.kind !== 'file') return side.readModel(noScratch);
    return withScratch(scratch, (place) => side.readModel(async () => place));
  };
  return describeModel(target ? await underLock(target, options, show) : await show(null));
}
