import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { takeSnapshot } from '../../src/index.js';
import { testServers } from '../support/servers.js';
import { allCommands } from './timeline-model/commands.js';
import { firstContent, openRealTimeline } from './timeline-model/database.js';
import { TimelineModel } from './timeline-model/model.js';

const runs = Number(process.env.BELAY_PROPERTY_RUNS ?? 3);
const commandsPerRun = 30;
/** Shrinking runs many more; whatever it has found by then is printed. */
const timeLimitMs = 300_000 + runs * 30_000;

describe.each(testServers())('any sequence of commands on $name', (server) => {
  test('does what the model does', { timeout: timeLimitMs + 60_000 }, async () => {
    expect(runs).toBeGreaterThan(0);
    const sequences = fc.commands([...allCommands], { maxCommands: commandsPerRun, size: 'max' });
    const property = fc.asyncProperty(sequences, async (commands) => {
      const real = await openRealTimeline(server);
      try {
        const model = new TimelineModel(firstContent);
        // Most commands need a snapshot: without this one, half of a short run would only be refused.
        await takeSnapshot(real.target, { tag: 'first', cwd: tmpdir() });
        model.take('first');
        await fc.asyncModelRun(() => ({ model, real }), commands);
      } finally {
        await real.close();
      }
    });
    const seed = process.env.BELAY_PROPERTY_SEED;
    await fc.assert(property, {
      numRuns: runs,
      // Biased runs begin with sequences of two or three commands: too short for anything to go wrong.
      unbiased: true,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      interruptAfterTimeLimit: timeLimitMs,
      // A run that was cut short has not shown what it is for.
      markInterruptAsFailure: true,
    });
  });
});
