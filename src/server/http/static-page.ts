import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'hono';
import type { ApiEnv } from './api.js';

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
};

/** Of the package: beside the code, wherever that was bundled to. */
export async function findPageFolder(): Promise<string | undefined> {
  // The bundle in dist/bin is two folders below the package; src/server/http and dist/server/http are three.
  for (const up of ['../..', '../../..']) {
    const folder = path.join(fileURLToPath(new URL(up, import.meta.url)), 'dist', 'dashboard');
    if (await stat(path.join(folder, 'index.html')).catch(() => null)) return folder;
  }
  return undefined;
}

/**
 * Serves the page. Only files that are there when the server starts can be asked for, so no path leads anywhere else.
 * @param folder where it was built; undefined: it was not
 */
export async function servePage(folder: string | undefined) {
  const files = folder === undefined ? new Map<string, string>() : await listFiles(folder);
  const index = files.get('/index.html');
  return async (c: Context<ApiEnv>): Promise<Response | undefined> => {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return undefined;
    const file = files.get(c.req.path);
    c.set('routePath', 'page');
    if (file && file !== index) return sendFile(c, file);
    // Paths of the page are its own affair; what looks like a file is not one of them.
    if (/\.[a-z0-9]+$/i.test(c.req.path) && c.req.path !== '/index.html') return undefined;
    if (!index) return c.text(notBuilt, 200);
    return c.body(await readFile(index), 200, {
      'content-type': contentTypes['.html'] as string,
      'cache-control': 'no-cache',
    });
  };
}

const notBuilt = `Belay's server runs. Its page was not built: run \`npm run build\` in the package's folder.
The API is described at /api/docs.
`;

async function listFiles(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  return new Map(
    files.map((file) => [`/${path.relative(folder, file).split(path.sep).join('/')}`, file]),
  );
}

async function sendFile(c: Context<ApiEnv>, file: string): Promise<Response | undefined> {
  const facts = await stat(file).catch(() => undefined);
  if (!facts) return undefined;
  // The name of a built asset holds a hash of what is in it.
  const isHashed = c.req.path.startsWith('/assets/');
  const headers = {
    'content-type': contentTypes[path.extname(file)] ?? 'application/octet-stream',
    'content-length': String(facts.size),
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  if (c.req.method === 'HEAD') return new Response(null, { headers });
  // Whole: these files are small, and a stream takes longer than the file.
  const content = await readFile(file).catch(() => undefined);
  return (
    content &&
    new Response(content, { headers: { ...headers, 'content-length': String(content.length) } })
  );
}
