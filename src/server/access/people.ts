import type { Scope } from '../../contract/scope.js';
import { BelayError } from '../../errors.js';
import type { Catalog } from '../../jobs/catalog/catalog.js';
import type { NewPerson, Person } from './access.js';
import {
  checkPassword,
  hashPassword,
  isOutdated,
  maxPasswordBytes,
  verifyPassword,
} from './password.js';
import { checkDatabases, checkLabel, checkScopes } from './rights.js';
import { isId, randomId } from './token-text.js';

export interface PersonRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly databases: readonly string[] | null;
  readonly created_at: Date;
}

const columns = 'p.id, p.name, p.scopes, p.databases, p.created_at';

/** @throws BelayError PERSON_EXISTS, USAGE, BAD_NAME */
export async function createPerson(catalog: Catalog, order: NewPerson): Promise<Person> {
  const name = checkLabel(order.name, 'person', 64);
  const scopes = checkScopes(order.scopes);
  const databases = checkDatabases(order.databases);
  checkPassword(order.password);
  const password = await hashPassword(order.password);
  const [row] = await catalog.query<PersonRow>(
    `INSERT INTO belay_server.people AS p (id, name, name_key, password, scopes, databases)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name_key) DO NOTHING RETURNING ${columns}`,
    [`per_${randomId()}`, name, nameKey(name), password, scopes, databases],
    'adding a person',
  );
  if (row !== undefined) return toPerson(row);
  throw new BelayError('PERSON_EXISTS', `there is already somebody called "${name}"`, {
    hint: 'Names are the same whether their letters are small or capital. Take another one, or remove that person first.',
  });
}

/** By name. */
export async function listPeople(catalog: Catalog): Promise<Person[]> {
  const rows = await catalog.query<PersonRow>(
    `SELECT ${columns} FROM belay_server.people p ORDER BY p.name_key`,
    [],
    'listing people',
  );
  return rows.map(toPerson);
}

/** Sessions go with the row. @throws BelayError PERSON_NOT_FOUND */
export async function removePerson(catalog: Catalog, id: string): Promise<void> {
  if (!isId('per', id)) throw personNotFound();
  const rows = await catalog.query(
    `WITH p AS (DELETE FROM belay_server.people WHERE id = $1 RETURNING id)
     SELECT pg_notify('belay_access', p.id) FROM p`,
    [id],
    'removing a person',
  );
  if (rows.length === 0) throw personNotFound();
}

/** @throws BelayError PERSON_NOT_FOUND, USAGE */
export async function setPassword(catalog: Catalog, id: string, password: string): Promise<void> {
  if (!isId('per', id)) throw personNotFound();
  checkPassword(password);
  const hash = await hashPassword(password);
  const rows = await catalog.query(
    `WITH p AS (UPDATE belay_server.people SET password = $2 WHERE id = $1 RETURNING id),
          ended AS (DELETE FROM belay_server.sessions s USING p WHERE s.person_id = p.id)
     SELECT pg_notify('belay_access', p.id) FROM p`,
    [id, hash],
    'setting a password',
  );
  if (rows.length === 0) throw personNotFound();
}

/** @returns undefined where the name or the password is wrong: which of them, nobody can tell by the time it takes */
export async function personByPassword(
  catalog: Catalog,
  name: string,
  password: string,
): Promise<PersonRow | undefined> {
  // Too long for anybody's: not worth the work, whoever it is.
  if (Buffer.byteLength(password) > maxPasswordBytes) return undefined;
  const [row] = await catalog.query<PersonRow & { readonly password: string }>(
    `SELECT ${columns}, p.password FROM belay_server.people p WHERE p.name_key = $1`,
    // PostgreSQL has no NUL in texts: nobody is called so.
    [nameKey(name).replaceAll('\0', '\ufffd')],
    'looking for a person',
  );
  if (!(await verifyPassword(password, row?.password)) || row === undefined) return undefined;
  if (isOutdated(row.password)) await renewHash(catalog, row, password);
  return row;
}

/** Now is the only time at which the password is known. */
async function renewHash(
  catalog: Catalog,
  row: { readonly id: string; readonly password: string },
  password: string,
): Promise<void> {
  await catalog.query(
    'UPDATE belay_server.people SET password = $3 WHERE id = $1 AND password = $2',
    [row.id, row.password, await hashPassword(password)],
    'renewing the hash of a password',
  );
}

/** What makes a name the same as another: letters small, whatever way they were typed. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}

function personNotFound(): BelayError {
  return new BelayError('PERSON_NOT_FOUND', 'there is nobody with this id', {
    hint: '`belay person list` shows who there is.',
  });
}

function toPerson({ id, name, scopes, databases, created_at }: PersonRow): Person {
  return { id, name, scopes, databases, createdAt: new Date(created_at).toISOString() };
}
