import type { ShadowRecord } from '../../domain/shadow.js';
import { dropPublication, dropSlot } from '../../postgres/shadow/replication.js';
import { removeShadowState } from '../../postgres/shadow/shadow-notes.js';
import { countPrevious } from '../snapshot/count-previous.js';
import { readingClone } from '../snapshot/read-clone.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';

/**
 * Removes what is of no use any more, and counts what was replaced. The promote is done by then: what fails here is said, and
 * `belay repair` does it.
 */
export async function cleanAfterPromote(
  work: Work,
  record: ShadowRecord,
  previous: Clone,
): Promise<Clone> {
  const { replication } = record;
  const { main, target } = work;
  if (replication) {
    await attempt(work, `the replication slot "${replication.slot}"`, () =>
      dropSlot(main, replication.slot),
    );
    await attempt(work, `the publication "${replication.publication}"`, () =>
      readingClone(work, previous.database.name, async (open) =>
        dropPublication(await open(), replication.publication),
      ),
    );
  }
  await attempt(work, 'what Belay noted in the shadow', async () => {
    const session = await target.openDatabase(target.database);
    await removeShadowState(session).finally(() => session.close());
  });
  return (await countPrevious(work, previous)) ?? previous;
}

async function attempt(work: Work, what: string, remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    work.reporter({
      type: 'warning',
      message: `the shadow is promoted, but ${what} could not be removed: ${why}; \`belay repair\` does it`,
    });
  }
}
