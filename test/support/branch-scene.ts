import pg from 'pg';
import { type CliCall, callCli } from './call-cli.js';
import type { BelayRun } from './run-belay.js';
import { databasesOf, rowsOf, run, shopSql } from './targets.js';
import { createTestDatabase, withSession } from './test-database.js';
import type { TestServer } from './throwaway-server.js';

/** A small shop with the means to work on its branches from the command line, as a user would. */
export interface BranchScene {
  readonly url: string;
  readonly name: string;
  /** `belay ARGS --json` for the shop; whatever comes out. */
  belay(args: readonly string[], call?: CliCall): Promise<BelayRun>;
  /** The same, which has to succeed: its document. */
  // biome-ignore lint/suspicious/noExplicitAny: each command's shape is what the tests are about
  done(args: readonly string[], call?: CliCall): Promise<any>;
  /** The same, which has to fail: the code of its error. */
  refused(args: readonly string[], call?: CliCall): Promise<RefusedCommand>;
  /** URL of another database of the same server and user. */
  urlOf(database: string): string;
  /** Names of every database that was made of the shop, without the shop itself. */
  others(): Promise<string[]>;
  /** Removes the shop and everything that was made of it. */
  drop(): Promise<void>;
}

export interface RefusedCommand {
  readonly exitCode: number | null;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export async function createBranchScene(
  server: TestServer,
  { name = 'shop', sql = shopSql, owner }: { name?: string; sql?: string; owner?: string } = {},
): Promise<BranchScene> {
  const shop = await createTestDatabase(server, { name, sql, owner });
  return sceneOf(server, shop);
}

/** The scene of a database that is there already. */
export function sceneOf(
  server: TestServer,
  shop: { readonly url: string; readonly name: string },
): BranchScene {
  const belay = (args: readonly string[], call: CliCall = {}) => {
    const env = { BELAY_URL: shop.url, ...call.env };
    return callCli(['--json', ...args], { ...call, env });
  };
  return {
    ...{ url: shop.url, name: shop.name, belay },
    done: async (args, call) => {
      const { exitCode, stdout, stderr } = await belay(args, call);
      if (exitCode !== 0) throw new Error(`${args.join(' ')}: ${exitCode} ${stdout}${stderr}`);
      return stdout === '' ? null : JSON.parse(stdout);
    },
    refused: async (args, call) => {
      const { exitCode, stdout, stderr } = await belay(args, call);
      if (exitCode === 0) throw new Error(`expected a refusal of ${args.join(' ')}: ${stdout}`);
      const { error } = JSON.parse(stdout || stderr);
      return { exitCode, code: error.code, message: error.message, hint: error.hint ?? '' };
    },
    urlOf: (database) => {
      const url = new URL(shop.url);
      url.pathname = `/${encodeURIComponent(database)}`;
      return url.href;
    },
    others: async () => (await familyOf(server, shop.name)).filter((one) => one !== shop.name),
    drop: () => dropFamily(server, shop.name),
  };
}

/** Databases whose name or record says that they were made of one: also those of names that were cut. */
async function familyOf(server: TestServer, name: string): Promise<string[]> {
  const named = await databasesOf(server, name);
  const rows = await rowsOf(
    server.adminUrl,
    `SELECT d.datname FROM pg_database d JOIN pg_shdescription s
         ON s.objoid = d.oid AND s.classoid = 'pg_database'::regclass
      WHERE s.description LIKE '{"belay":%'
        AND (s.description::json #>> '{root,database}' = $1 OR s.description::json #>> '{snapshot,target,database}' = ANY ($2))`,
    [name, named],
  );
  return [...new Set([...named, ...rows.map(({ datname }) => datname)])].sort();
}

async function dropFamily(server: TestServer, name: string): Promise<void> {
  const names = await familyOf(server, name);
  await withSession(server.adminUrl, async (client) => {
    for (const one of names) {
      const quoted = pg.escapeIdentifier(one);
      await client.query(`ALTER DATABASE ${quoted} IS_TEMPLATE false`).catch(() => {});
      await client.query(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`);
    }
  });
}

/** What every row, view, sequence and definition of the shop amounts to. */
export async function contentOf(url: string): Promise<string> {
  const [row] = await rowsOf(
    url,
    `SELECT md5(concat(
       (SELECT string_agg(i::text, ',' ORDER BY i.id) FROM items i),
       (SELECT string_agg(s::text, ',' ORDER BY s.id) FROM short_items s),
       pg_get_viewdef('short_items'::regclass),
       (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod)), ',' ORDER BY attnum)
          FROM pg_attribute WHERE attrelid = 'items'::regclass AND attnum > 0),
       (SELECT last_value FROM items_id_seq))) AS hash`,
  );
  return row.hash;
}

/** Everything that belongs to a database but lies outside of it, read without Belay's own code. */
export async function propertiesOf(server: TestServer, name: string) {
  const [row] = await rowsOf(
    server.adminUrl,
    `SELECT pg_get_userbyid(d.datdba) AS owner, d.datconnlimit AS "limit", d.datallowconn AS open, d.datistemplate AS template,
            (SELECT array_agg(entry ORDER BY entry)
               FROM (SELECT concat_ws(' ', grantor::regrole, grantee::regrole, privilege_type, is_grantable) FROM aclexplode(d.datacl)) g (entry)) AS grants,
            (SELECT array_agg(concat_ws(' ', s.setrole::regrole, entry) ORDER BY s.setrole, entry)
               FROM pg_db_role_setting s, unnest(s.setconfig) entry WHERE s.setdatabase = d.oid) AS settings
       FROM pg_database d WHERE d.datname = $1`,
    [name],
  );
  return row;
}

export async function commentOf(server: TestServer, name: string): Promise<string | null> {
  const [row] = await rowsOf(
    server.adminUrl,
    `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
    [name],
  );
  return row?.comment ?? null;
}

/** A session that stays open until it is ended, by `close` or by somebody else. */
export async function openedSession(url: string) {
  const client = new pg.Client({ connectionString: url, application_name: 'app' });
  let ended = false;
  client.on('error', () => {});
  client.on('end', () => {
    ended = true;
  });
  await client.connect();
  return {
    client,
    hasEnded: async () => {
      // The server's word takes a moment to arrive.
      for (let round = 0; round < 50 && !ended; round += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return ended;
    },
    close: () => client.end().catch(() => {}),
  };
}

export const dropDatabase = (server: TestServer, name: string): Promise<void> =>
  run(server.adminUrl, `DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`);
