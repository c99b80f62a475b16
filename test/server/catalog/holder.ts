/** Holds an embedded catalog open, says so, and closes it at the end of its input. */
import { openCatalog } from '../../../src/jobs/catalog/open-catalog.js';

const [home = ''] = process.argv.slice(2);
const catalog = await openCatalog({ home });
process.stdout.write('open\n');
process.stdin.resume();
await new Promise((resolve) => process.stdin.once('end', resolve));
await catalog.close();
process.stdout.write('closed\n');
