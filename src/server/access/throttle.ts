import { createHash } from 'node:crypto';
import { BelayError } from '../../errors.js';
import { parseIp } from '../../jobs/addresses/ip-address.js';
import type { Catalog, CatalogConnection } from '../../jobs/catalog/catalog.js';

/** One try to sign in, counted as a failure from the start: of a hundred at once, no two pass the same gap. */
export interface Attempt {
  succeeded(): Promise<void>;
  /** There was no verdict, e.g. the catalog was lost: it does not count. */
  forgive(): Promise<void>;
}

interface Bound {
  readonly key: string;
  /** How many failures cost nothing. */
  readonly free: number;
}

const freeByName = 5;
/** Behind one address may be a whole office. */
const freeBySource = 20;
const longestBlockSeconds = 900;
const doing = 'counting a try to sign in';

/**
 * Begins a try to sign in. After some failures each costs twice the time of the one before, up to a quarter of an hour; an hour
 * without a try forgets them. It is counted in the catalog, so that many servers are no more guesses than one.
 *
 * @param name who it claims to be; undefined where it is a token or a code
 * @param source address of the client
 * @throws BelayError THROTTLED with `retryAfterSeconds`
 */
export async function beginAttempt(
  catalog: Catalog,
  { name, source }: { readonly name?: string | undefined; readonly source: string },
): Promise<Attempt> {
  const bySource = { key: `source:${sourceKey(source)}`, free: freeBySource };
  // In the same order everywhere: two tries that lock each other's rows would wait forever.
  const bounds =
    name === undefined ? [bySource] : [{ key: nameKey(name), free: freeByName }, bySource];
  await catalog.transaction(async (connection) => {
    for (const bound of bounds) await count(connection, bound);
  });
  return {
    succeeded: async () => {
      // The name starts anew; an address does not, or whoever has one account could guess at all others.
      await forget(catalog, [bySource]);
      if (name === undefined) return;
      const sql = 'DELETE FROM belay_server.sign_in_attempts WHERE key = $1';
      await catalog.query(sql, [nameKey(name)], doing);
    },
    forgive: () => forget(catalog, bounds),
  };
}

/** Removes what nobody needs any more. */
export async function cleanAttempts(catalog: Catalog): Promise<void> {
  await catalog.query(
    `DELETE FROM belay_server.sign_in_attempts WHERE last_at < clock_timestamp() - interval '1 day'`,
    [],
    'cleaning up tries to sign in',
  );
}

async function count(connection: CatalogConnection, { key, free }: Bound): Promise<void> {
  const next = `CASE WHEN a.last_at < clock_timestamp() - interval '1 hour' THEN 1 ELSE a.failures + 1 END`;
  const counted = await connection.query(
    `INSERT INTO belay_server.sign_in_attempts AS a (key, failures, last_at, blocked_until)
     VALUES ($1, 1, clock_timestamp(), '-infinity')
     ON CONFLICT (key) DO UPDATE SET
       failures = ${next},
       last_at = clock_timestamp(),
       blocked_until = CASE WHEN ${next} < $2 THEN '-infinity'::timestamptz
         ELSE clock_timestamp() + interval '1 second' * least(power(2, least(${next} - $2, 20)), $3) END
     WHERE a.blocked_until <= clock_timestamp()
     RETURNING 1`,
    [key, free, longestBlockSeconds],
    doing,
  );
  if (counted.length > 0) return;
  const [row] = await connection.query<{ seconds: number }>(
    `SELECT ceil(extract(epoch FROM blocked_until - clock_timestamp()))::int AS seconds
       FROM belay_server.sign_in_attempts WHERE key = $1`,
    [key],
    doing,
  );
  const retryAfterSeconds = Math.max(1, row?.seconds ?? 1);
  throw new BelayError('THROTTLED', 'too many failed tries to sign in', {
    hint: `Wait ${retryAfterSeconds} s. Whoever has a token can sign in with it; a person's password is set anew by \`belay person password\`.`,
    details: { retryAfterSeconds },
  });
}

async function forget(catalog: Catalog, bounds: readonly Bound[]): Promise<void> {
  const keys = bounds.map(({ key }) => key);
  await catalog.query(
    `UPDATE belay_server.sign_in_attempts
        SET failures = greatest(failures - 1, 0), blocked_until = '-infinity'
      WHERE key = ANY ($1)`,
    [keys],
    doing,
  );
}

/** Only a hash of it: people type passwords into the wrong field. */
function nameKey(name: string): string {
  return `name:${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** One who has IPv6 has a whole /64 of addresses; what IPv6 wraps is the IPv4 address inside. */
function sourceKey(source: string): string {
  const bytes = parseIp(source);
  if (bytes === undefined) return source.replace(/[^\x20-\x7e]/g, '').slice(0, 100);
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255;
  if (isMapped) return bytes.slice(12).join('.');
  return `${Buffer.from(bytes.slice(0, 8)).toString('hex')}/64`;
}
