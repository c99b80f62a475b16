import { type BelayError, toBelayError } from '../../errors.js';

/** What `doctor` found out about one thing. */
export interface Check {
  readonly name: string;
  /** warn: Belay works, with a limit. fail: something that Belay needs is missing. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it; null where nothing needs doing. */
  readonly hint: string | null;
}

export function ok(name: string, detail: string): Check {
  return { name, status: 'ok', detail, hint: null };
}

export function warn(name: string, detail: string, hint: string | null): Check {
  return { name, status: 'warn', detail, hint };
}

export function fail(name: string, detail: string, hint: string | null): Check {
  return { name, status: 'fail', detail, hint };
}

/** Runs one check; what it throws is its finding, so that the others still run. */
export async function runCheck(name: string, check: () => Promise<Check>): Promise<Check> {
  try {
    return await check();
  } catch (error) {
    const problem: BelayError = toBelayError(error);
    return fail(name, problem.message, problem.hint ?? null);
  }
}

export function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
