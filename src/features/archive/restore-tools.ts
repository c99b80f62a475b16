import type { ArchiveManifest } from '../../domain/manifest.js';
import { BelayError } from '../../errors.js';
import { chooseDumpTools, type DumpTools } from '../../process/client-tools.js';
import { majorOf } from './archive-options.js';

/**
 * The tools for restoring an archive. A pg_restore reads what a pg_dump of its own version or an older one wrote; of
 * these one of the server's version, where there is one. An older one than the server will do.
 * @throws BelayError TOOL_MISSING
 */
export async function chooseRestoreTools(
  { archive, snapshot }: Pick<ArchiveManifest, 'archive' | 'snapshot'>,
  serverMajor: number,
  env: NodeJS.ProcessEnv,
): Promise<DumpTools> {
  const written = Number.parseInt(archive.pgDump ?? '', 10) || majorOf(snapshot.serverVersion);
  try {
    return await chooseDumpTools(Math.max(written, serverMajor), env);
  } catch (error) {
    const isMissing = error instanceof BelayError && error.code === 'TOOL_MISSING';
    if (!isMissing || written >= serverMajor) throw error;
    return chooseDumpTools(written, env);
  }
}
