import type { Session } from '../session.js';
import type { StartMark } from './start-mark.js';

/** A database before and after a migration, to which nobody else has a session. */
export interface StateSides {
  readonly before: Session;
  readonly after: Session;
  readonly mark: StartMark | null;
  /** Rows shown of each table. */
  readonly sampleLimit: number;
  readonly signal: AbortSignal | undefined;
}
