import { z } from 'zod';

/** How long a list's answer is, and where it goes on. */
export interface PageOrder {
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

export const nextSchema = z
  .string()
  .nullable()
  .meta({ description: '`cursor` of the next page; null: this is the last one' });

const defaultLimit = 50;

/**
 * One page of a list that is at hand as a whole. What was removed meanwhile does not make a page repeat or skip others.
 * @param idOf names an item for the cursor
 */
export function pageOf<T>(
  items: readonly T[],
  { limit = defaultLimit, cursor }: PageOrder,
  idOf: (item: T) => string,
): { readonly items: readonly T[]; readonly next: string | null } {
  const position = cursor === undefined ? undefined : parseCursor(cursor);
  const found = position ? items.findIndex((item) => idOf(item) === position.id) : -1;
  const start = found >= 0 ? found + 1 : (position?.index ?? 0);
  const page = items.slice(start, start + limit);
  const last = page.at(-1);
  const end = start + page.length;
  return { items: page, next: last && end < items.length ? `${end}.${idOf(last)}` : null };
}

/** Where the item itself is gone, its old position is close enough. */
function parseCursor(cursor: string): { readonly index: number; readonly id: string } | undefined {
  const [, index, id] = /^(\d{1,9})\.(.+)$/s.exec(cursor) ?? [];
  return index === undefined || id === undefined ? undefined : { index: Number(index), id };
}
