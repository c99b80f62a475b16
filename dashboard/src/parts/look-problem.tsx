import type { InventoryProblem } from '../../../src/contract/inventory';
import { Notice } from './states';

/** The last look at a database failed: what is shown is of an older one. */
export function LookProblem({
  problem,
}: {
  readonly problem: InventoryProblem | null | undefined;
}) {
  if (!problem) return null;
  return (
    <Notice look="warn" title="The database could not be looked at just now">
      <p>{problem.message}</p>
      {problem.hint && <p>{problem.hint}</p>}
      <p>What is shown here is of the last time that it could.</p>
    </Notice>
  );
}
