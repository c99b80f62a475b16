import { BelayError } from '../../errors.js';

/** Lets so many through at once; the others wait their turn, or until they are aborted. */
export interface Gate {
  pass<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** Resolves when nobody is inside and nobody waits. */
  settled(): Promise<void>;
}

export function createGate(mostAtOnce: number): Gate {
  let free = mostAtOnce;
  const waiting: (() => void)[] = [];
  const inside = new Set<Promise<unknown>>();
  const leave = () => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  const enter = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1;
    else await turn(waiting, signal);
    try {
      return await work();
    } finally {
      leave();
    }
  };
  return {
    pass: (signal, work) => {
      const passing = enter(signal, work);
      inside.add(passing);
      const done = () => inside.delete(passing);
      passing.then(done, done);
      return passing;
    },
    settled: async () => {
      while (inside.size > 0) await Promise.allSettled(inside);
    },
  };
}

function turn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    };
    const giveUp = () => {
      const at = waiting.indexOf(go);
      if (at >= 0) waiting.splice(at, 1);
      reject(new BelayError('INTERRUPTED', 'interrupted before anything was done'));
    };
    if (signal.aborted) return giveUp();
    waiting.push(go);
    signal.addEventListener('abort', giveUp, { once: true });
  });
}
