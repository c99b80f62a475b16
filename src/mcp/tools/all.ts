import { allows, type Scope } from '../../contract/scope.js';
import type { Tool } from '../tool.js';
import { branchTools } from './branches.js';
import { checkpointTools } from './checkpoints.js';
import { migrationTools } from './migrations.js';
import { restoreTools } from './restores.js';
import { schemaTools } from './schema.js';
import { snapshotTools } from './snapshots.js';

const harmless: readonly Tool[] = [
  ...[...snapshotTools, ...checkpointTools, ...migrationTools],
  ...[...branchTools, ...schemaTools],
];

export interface ToolChoice {
  /** A person allowed assistants to restore in place. */
  readonly allowRestore: boolean;
  /** What the caller may do. */
  readonly scopes: readonly Scope[];
}

/** The tools that are there for somebody. What they must not do is not refused: it is not there. */
export function toolsFor({ allowRestore, scopes }: ToolChoice): readonly Tool[] {
  const all = allowRestore ? [...harmless, ...restoreTools] : harmless;
  return all.filter(({ name, scope }) => name === 'list_databases' || allows(scopes, scope));
}
