/** Promotes the shadow of the database of a URL, line by line saying what it does, until it is done or killed. */
import { promoteShadow } from '../../src/features/shadow/promote.js';
import { openTarget } from '../../src/index.js';

const [url = ''] = process.argv.slice(2);
const target = await openTarget({ url, action: 'promote' });
process.stdout.write('ready\n');
try {
  const result = await promoteShadow(target, {
    reporter: (event) => {
      const what = event.type === 'step' || event.type === 'step-done' ? event.name : event.message;
      process.stdout.write(`${event.type} ${what}\n`);
    },
  });
  process.stdout.write(`promoted ${JSON.stringify(result)}\n`);
} catch (error) {
  process.stdout.write(`failed ${(error as Error).message}\n`);
  process.exitCode = 6;
} finally {
  await target.close();
}
