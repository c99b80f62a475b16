import type { Databases } from '../databases/databases.js';
import type { Inventories } from '../inventory/inventories.js';
import { changesTarget } from '../queue/job-kinds.js';
import type { ClaimedJob, RunJob } from '../queue/job-source.js';
import { runJobOn } from './run-job-on.js';

/** Does the jobs of the databases that this server reaches. */
export function directRunner({
  databases,
  inventories,
}: {
  readonly databases: Databases;
  readonly inventories: Inventories;
}): RunJob {
  return async (job, options) => {
    const place = {
      open: (action: string) => databases.open(job.database, action, callerOf(job)),
      onInventory: inventories.save,
    };
    const outcome = await runJobOn(place, job, options);
    // Also where it failed: it may have got half-way, and a checkpoint that is not proven is there.
    if (changesTarget(job.type)) inventories.invalidate(job.database);
    return outcome;
  };
}

/** As `describeCaller` wrote it: "token deploy (tok_4f3a)". */
function callerOf({ requestedBy }: ClaimedJob) {
  const [, kind = 'token', name = requestedBy, id = ''] =
    /^(token|person|agent|schedule) (.*) \(([^()]*)\)$/s.exec(requestedBy) ?? [];
  return { kind: kind as 'token' | 'person' | 'agent' | 'schedule', name, id };
}
