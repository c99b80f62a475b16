/**
 * A hash of everything that the tables of a database hold, computed by SQL and without Belay: the
 * demonstration's own proof that a state came back exactly.
 * @param {import('pg').Client} client
 */
export async function contentHash(client) {
  const { rows: tables } = await client.query(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  const parts = [];
  for (const { name } of tables) {
    const { rows } = await client.query(
      `SELECT count(*) AS n, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) AS sum FROM ${name} t`,
    );
    parts.push(`${name}:${rows[0].n}:${rows[0].sum}`);
  }
  return parts.join(' ');
}
