import type { Person, Token } from '../../server/index.js';
import { formatAge, formatTime } from './format.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

type Rights = Pick<Token, 'scopes' | 'databases'> & Partial<Pick<Token, 'kind' | 'expiresAt'>>;

/** In one line: "checkpoint on shop, until 2027-02-20 10:00". */
export function describeRights(rights: Rights): string {
  const until = rights.expiresAt ? `, until ${formatTime(rights.expiresAt)}` : '';
  return `${scopesOf(rights)} on ${databasesOf(rights)}${until}`;
}

export function describeTokens(style: Style, tokens: readonly Token[]): string {
  if (tokens.length === 0) return 'no tokens yet: `belay token create --scope checkpoint`';
  const columns = ['ID', 'NAME', 'SCOPE', 'DATABASES', 'MADE', 'LAST USED', 'STATE'];
  return formatTable(
    style,
    columns.map((title) => ({ title })),
    tokens.map((token) => [
      ...[token.id, printable(token.name), scopesOf(token), databasesOf(token)],
      formatTime(token.createdAt),
      token.lastUsedAt === null ? 'never' : formatAge(token.lastUsedAt),
      stateOf(style, token),
    ]),
  );
}

export function describePeople(style: Style, people: readonly Person[]): string {
  if (people.length === 0) return 'nobody yet: `belay person create NAME --scope admin`';
  return formatTable(
    style,
    ['NAME', 'ID', 'SCOPE', 'DATABASES', 'ADDED'].map((title) => ({ title })),
    people.map((person) => [
      ...[printable(person.name), person.id, scopesOf(person), databasesOf(person)],
      formatTime(person.createdAt),
    ]),
  );
}

function scopesOf({ kind, scopes }: Rights): string {
  return kind === 'agent' ? 'agent' : scopes.join(', ');
}

function databasesOf({ databases }: Rights): string {
  return databases === null ? 'all databases' : databases.join(', ');
}

function stateOf(style: Style, { revokedAt, expiresAt }: Token): string {
  if (revokedAt !== null) return style.dim(`revoked ${formatTime(revokedAt)}`);
  if (expiresAt === null) return 'good';
  const isOver = Date.parse(expiresAt) <= Date.now();
  return isOver ? style.dim('expired') : `good until ${formatTime(expiresAt)}`;
}
