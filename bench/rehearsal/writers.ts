import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export interface Writing {
  /** Ends the writers. @returns the longest time in which none of them could commit, in milliseconds */
  end(): Promise<number>;
}

/** Writers that update and insert all the time, and connect again when they are disconnected. */
export async function writeAllTheTime(
  url: string,
  { writers, signal }: { readonly writers: number; readonly signal: AbortSignal },
): Promise<Writing> {
  let isOver = false;
  let lastCommitAt = performance.now();
  let longestMs = 0;
  const committed = () => {
    longestMs = Math.max(longestMs, performance.now() - lastCommitAt);
    lastCommitAt = performance.now();
  };
  const loops = Array.from({ length: writers }, async (_, number) => {
    while (!isOver && !signal.aborted) {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => {});
      try {
        await client.connect();
        for (let n = 1; !isOver && !signal.aborted; n += 1) {
          await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = $1', [
            number * 1000 + n,
          ]);
          committed();
        }
      } catch {
        await sleep(1);
      } finally {
        await client.end().catch(() => {});
      }
    }
  });
  await sleep(1_000);
  return {
    end: async () => {
      await sleep(1_000);
      isOver = true;
      await Promise.all(loops);
      return Math.round(longestMs);
    },
  };
}
