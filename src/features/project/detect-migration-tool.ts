import { type MigrationTool, migrationTools } from './migration-tools.js';
import { projectFiles } from './project-files.js';

export type { MigrationTool } from './migration-tools.js';

/**
 * Finds out which tools change a project's database, by the files it keeps. Runs nothing.
 *
 * @example
 * const [first] = await detectMigrationTools('.'); // { tool: 'prisma', directory: 'prisma/migrations' }
 * @returns the surest first; "sql" (plain SQL files) only where there is no other
 */
export async function detectMigrationTools(folder: string): Promise<MigrationTool[]> {
  const files = projectFiles(folder);
  const found: MigrationTool[] = [];
  for (const [tool, detect] of migrationTools) {
    if (tool === 'sql' && found.length > 0) continue;
    const detected = await detect(files);
    if (detected) found.push({ tool, ...detected });
  }
  return found;
}
