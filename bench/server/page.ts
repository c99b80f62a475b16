import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { NotMeasurable } from '../file-system.js';

const pageFolder = fileURLToPath(new URL('../../dist/dashboard', import.meta.url));
const chromium = '/usr/bin/chromium';

export interface PageSize {
  readonly files: number;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** Everything that the page is made of, also what is loaded on demand. @throws NotMeasurable where it was not built */
export async function measurePageSize(): Promise<PageSize> {
  if (!existsSync(path.join(pageFolder, 'index.html'))) {
    throw new NotMeasurable('the page is not built: npm run build');
  }
  const names = await readdir(pageFolder, { recursive: true });
  const files = names.filter((name) => /\.(html|js|css|svg)$/.test(name));
  let bytes = 0;
  let gzipBytes = 0;
  for (const name of files) {
    const content = await readFile(path.join(pageFolder, name));
    bytes += content.length;
    gzipBytes += gzipSync(content).length;
  }
  return { files: files.length, bytes, gzipBytes };
}

export interface ColdLoad {
  readonly url: string;
  readonly token: string;
  /** Registered name. */
  readonly database: string;
  /** Tag that the timeline shows. */
  readonly tag: string;
  readonly runs: number;
}

/**
 * From the address in a fresh browser profile, nothing cached, until the first snapshot can be seen.
 * @returns times in milliseconds
 * @throws NotMeasurable without a Chromium
 */
export async function measureFirstTimeline(order: ColdLoad): Promise<number[]> {
  if (!existsSync(chromium)) throw new NotMeasurable('there is no Chromium on this machine');
  const { chromium: playwright } = await import('playwright-core');
  const browser = await playwright.launch({
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
  });
  try {
    const times: number[] = [];
    for (let run = 0; run < order.runs; run += 1) {
      const context = await browser.newContext({ baseURL: order.url });
      // Signing in is the person's time; the load begins with the session.
      const signedIn = await context.request.post('/api/session', { data: { token: order.token } });
      if (!signedIn.ok()) throw new Error(`signing in failed with ${signedIn.status()}`);
      const page = await context.newPage();
      const startedAt = performance.now();
      await page.goto(`/db/${order.database}`);
      await page.getByText(order.tag, { exact: true }).first().waitFor({ state: 'visible' });
      times.push(performance.now() - startedAt);
      await context.close();
    }
    return times;
  } finally {
    await browser.close();
  }
}
