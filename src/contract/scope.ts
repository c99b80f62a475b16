import { z } from 'zod';

/**
 * What a token or a person may do.
 * - `read`: see timelines, schemas, ledgers and comparisons, rows included.
 * - `checkpoint`: make checkpoints and snapshots, and see the jobs it began; no data, no restore, no deletion.
 * - `restore`: `read` and `checkpoint`, and change databases: restore, switch, undo, branches, plans, rehearsals, rollbacks.
 * - `admin`: everything, with databases, tokens, people, schedules, webhooks and deletions.
 */
export const scopes = ['read', 'checkpoint', 'restore', 'admin'] as const;
export const scopeSchema = z.enum(scopes);
export type Scope = z.infer<typeof scopeSchema>;

const included: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ['read'],
  checkpoint: ['checkpoint'],
  restore: ['restore', 'read', 'checkpoint'],
  admin: ['admin', 'restore', 'read', 'checkpoint'],
};

/** Whether one who has these scopes may do what needs the other. */
export function allows(given: readonly Scope[], needed: Scope): boolean {
  return given.some((scope) => included[scope].includes(needed));
}
