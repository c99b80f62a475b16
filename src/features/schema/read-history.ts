import type { HistoryEntry } from '../../domain/history.js';
import type { Target } from '../target/open-target.js';
import { withHistory } from './with-history.js';

/**
 * All that was recorded of the target's schema, oldest first; nothing where nothing ever was.
 *
 * @example
 * const graph = buildVersionGraph(await readHistory(target));
 * @throws BelayError HISTORY_DAMAGED, NEWER_FORMAT
 */
export async function readHistory(target: Target): Promise<readonly HistoryEntry[]> {
  return withHistory(target, ({ history }) => history.read());
}
