import { lineValue } from '../../project/migration-tools.js';
import { firstFile, type ProjectFiles } from '../../project/project-files.js';

/** What Flyway's configuration says of its table; undefined where it says nothing. */
export interface FlywayConfig {
  readonly table: string | undefined;
  readonly schema: string | undefined;
}

/** The first value of a list, without quotes; none with a placeholder in it. */
const first = (value: string | undefined): string | undefined =>
  /^[[\s]*["']?([^"',\]#$]+?)["']?\s*(?:[,\]#]|$)/.exec(value ?? '')?.[1];

/** Reads flyway.toml or flyway.conf. Placeholders and environments are not resolved: then the database tells. */
export async function readFlywayConfig(files: ProjectFiles): Promise<FlywayConfig> {
  const found = await firstFile(files, ['flyway.toml', 'flyway.conf', 'conf/flyway.conf']);
  const value = (key: string) => first(lineValue(`(?:flyway\\.)?${key}`, found?.text ?? ''));
  return { table: value('table'), schema: value('defaultSchema') ?? value('schemas') };
}
