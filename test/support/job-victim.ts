/** Does one job as a worker does, line by line saying what happens, and then waits to be killed: its outcome reaches nobody. */
import type { JobType } from '../../src/contract/job.js';
import { openTarget } from '../../src/features/target/open-target.js';
import { runJobOn } from '../../src/jobs/run/run-job-on.js';

const [url = '', id = '', type = '', input = '{}'] = process.argv.slice(2);
const outcome = await runJobOn(
  { open: (action) => openTarget({ url, action }) },
  {
    ...{ id, type: type as JobType, input: JSON.parse(input), database: 'shop' },
    requestedBy: 'token deploy (tok_1)',
  },
  {
    signal: new AbortController().signal,
    report: (event) => process.stdout.write(`${event.type} ${'name' in event ? event.name : ''}\n`),
  },
);
process.stdout.write(`over ${JSON.stringify(outcome)}\n`);
await new Promise((resolve) => setTimeout(resolve, 600_000));
