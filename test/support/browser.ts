import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

/** Nobody waits longer for what a page shows; far more than is needed, for machines that are busy. */
const patienceMs = 120_000;

/** Where screenshots of a run are kept. */
const artefacts = fileURLToPath(new URL('../../test-results/screenshots/', import.meta.url));

/** Where the page was built for a test run of its own; undefined: with the package. */
export const pageFolder = process.env.BELAY_TEST_PAGE;

/** The system's Chromium without a window, and without anything that it would ask of the network by itself. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.BELAY_TEST_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      '--disable-dev-shm-usage',
    ],
  });
}

export interface OpenPageOptions {
  /** Of the server. */
  readonly url: string;
  /** Signs in with it; left out: nobody is signed in. */
  readonly token?: string | undefined;
  readonly width?: number | undefined;
  readonly colorScheme?: 'light' | 'dark' | undefined;
}

export interface OpenedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained of: errors of scripts, refusals by the content policy, requests to other hosts. */
  readonly complaints: readonly string[];
}

/** A page of a browser profile of its own, at a server's address. */
export async function openPage(browser: Browser, options: OpenPageOptions): Promise<OpenedPage> {
  const { url, token, width = 1280, colorScheme = 'light' } = options;
  const context = await browser.newContext({
    ...{ baseURL: url, viewport: { width, height: 900 }, colorScheme },
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.protocol.startsWith('http') && asked.host !== new URL(url).host) {
      complaints.push(`request to ${asked.host}`);
    }
  });
  if (token !== undefined) await signIn(context, token);
  return { page, context, complaints };
}

/** As the sign-in page does it; the cookie stays in the profile. */
async function signIn(context: BrowserContext, token: string): Promise<void> {
  const answer = await context.request.post('/api/session', { data: { token } });
  if (!answer.ok()) throw new Error(`signing in: ${answer.status()} ${await answer.text()}`);
}

/** Nothing that axe knows of keeps people out, in light and in dark. */
export async function expectNoViolations(page: Page, what: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
      .analyze();
    const found = violations.map(({ id, nodes }) => ({
      rule: id,
      where: nodes.slice(0, 3).map(({ target, html }) => `${target.join(' ')}: ${html}`),
    }));
    expect(found, `${what}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
}

/** Runs in the browser: the first elements that reach beyond the right edge, where the page scrolls sideways. */
const besideTheScreen = `(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .filter((element) => !element.closest('.table-scroll, .sql, .version-graph')
      || getComputedStyle(element).position === 'absolute')
    .slice(0, 5)
    .map((element) => element.outerHTML.slice(0, 160));
})()`;

/** On a telephone nothing lies beside the screen. */
export async function expectNoSideScroll(page: Page, what: string): Promise<void> {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  const over = await page.evaluate<string[]>(besideTheScreen);
  expect(over, `${what} at 360 pixels`).toEqual([]);
  if (size) await page.setViewportSize(size);
}

/** Keeps what the page looks like, for people to look at after a run. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(artefacts, { recursive: true });
  // What sticks to the top would be drawn in the middle of a long page.
  await page.evaluate('window.scrollTo(0, 0)');
  await page.screenshot({ path: join(artefacts, `${name}.png`), fullPage: true });
}
