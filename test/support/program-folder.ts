import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tellWatchdog } from './watchdog.js';

/** A folder for all tests of a file, removed when the run ends. */
export function makeProgramFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'belay-program-'));
  tellWatchdog(folder);
  return folder;
}
