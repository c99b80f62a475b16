import { newSnapshotId } from '../../src/domain/clone-name.js';
import type { SessionPolicy } from '../../src/domain/database-session.js';
import type { BranchSource, FoundBranch } from '../../src/features/branch/driver.js';
import { schemaBranches } from '../../src/features/branch/schema-driver.js';
import { underLock, type WorkOptions } from '../../src/features/target/work.js';
import type { ProgressEvent } from '../../src/index.js';
import { connectionUrl } from '../../src/postgres/settings.js';
import { withTarget } from './targets.js';

export interface SchemaBranchOptions extends WorkOptions {
  readonly schema?: string | undefined;
  readonly source?: BranchSource | undefined;
  readonly sessions?: SessionPolicy | undefined;
}

/** Makes a branch that is a schema of the database of a URL. */
export function makeSchemaBranch(
  url: string,
  name: string,
  options: SchemaBranchOptions = {},
): Promise<FoundBranch> {
  return withTarget(url, (target) =>
    underLock(target, options, (work) =>
      schemaBranches.create(work, {
        ...{ id: newSnapshotId(), name, isolation: 'schema', purpose: 'manual', git: null },
        source: options.source ?? { kind: 'live' },
        sourceSchema: options.schema ?? 'app',
        ...{ expiresAt: null, protectedUntil: null, folder: undefined },
        sessions: options.sessions ?? 'wait',
      }),
    ),
  );
}

export function resetSchemaBranch(
  url: string,
  name: string,
  options: SchemaBranchOptions & { readonly to?: string } = {},
) {
  return withTarget(url, async (target) => {
    const branch = await branchNamed(url, name);
    return underLock(target, options, (work) =>
      schemaBranches.reset(work, branch, {
        ...{ reference: options.to, sessions: options.sessions ?? 'wait', cwd: target.cwd },
      }),
    );
  });
}

export function removeSchemaBranch(url: string, name: string, options: SchemaBranchOptions = {}) {
  return withTarget(url, async (target) => {
    const branch = await branchNamed(url, name);
    return underLock(target, options, (work) =>
      schemaBranches.remove(work, branch, options.sessions ?? 'wait'),
    );
  });
}

export function schemaBranchesOf(url: string): Promise<readonly FoundBranch[]> {
  return withTarget(url, (target) => schemaBranches.list(target));
}

export async function branchNamed(url: string, name: string): Promise<FoundBranch> {
  const found = (await schemaBranchesOf(url)).find(({ record }) => record.name === name);
  if (!found) throw new Error(`there is no branch ${name}`);
  return found;
}

/** The URL that a program would get. */
export const urlOf = ({ settings }: FoundBranch): string =>
  connectionUrl(settings, { withPassword: true });

/** Collects warnings. */
export function collectWarnings() {
  const warnings: string[] = [];
  const reporter = (event: ProgressEvent) => {
    if (event.type === 'warning') warnings.push(event.message);
  };
  return { warnings, reporter };
}
