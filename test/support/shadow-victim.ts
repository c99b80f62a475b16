import { createShadow } from '../../src/features/shadow/create.js';
import { openTarget } from '../../src/features/target/open-target.js';

/** Makes a shadow and tells of its steps: a test kills this process at one of them. */
const [url, method] = process.argv.slice(2);
const target = await openTarget({ url });
await createShadow(target, {
  method: method as 'clone' | 'copy',
  inputs: { stdin: 'ALTER TABLE items ADD note text; UPDATE items SET note = name' },
  reporter: (event) => {
    if (event.type === 'step') process.stdout.write(`step ${event.name}\n`);
  },
});
process.stdout.write('made\n');
await target.close();
