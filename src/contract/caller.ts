import type { Scope } from './scope.js';

/** Who calls: what a token, a session or an agent's token was found to be. */
export interface Caller {
  readonly kind: 'token' | 'person' | 'agent' | 'schedule';
  /** "tok_…", "per_…", "sch_…" */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Registered names it is bound to; null: all. */
  readonly databases: readonly string[] | null;
}

/** As jobs, logs and the ledger name it, e.g. "token deploy (tok_4f3a…)". Never holds a secret. */
export function describeCaller({ kind, name, id }: Pick<Caller, 'kind' | 'name' | 'id'>): string {
  return `${kind} ${name} (${id})`;
}
