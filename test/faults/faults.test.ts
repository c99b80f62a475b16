import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startThrowawayServer, type ThrowawayServer, testServers } from '../support/servers.js';
import {
  endSessions,
  type Fault,
  interruptBelay,
  killBelay,
  killServer,
  terminateBelay,
} from './faults.js';
import { createRandom } from './random.js';
import { argumentsOf, type RoundResult, runRound } from './round.js';
import { openScene, prepare, type Scene } from './scene.js';
import { type Command, commands, runVictim } from './victim.js';

/** Kills, half of them of Belay and half of the server. `npm run test:faults` sets many. */
const kills = Number(process.env.BELAY_FAULT_ROUNDS || 6);
const seed = Number(process.env.BELAY_FAULT_SEED ?? randomInt(2 ** 31));
const servers = testServers();

/** How often each fault comes on all servers together. */
const plan: readonly { readonly fault: Fault; readonly rounds: number }[] = [
  { fault: killBelay, rounds: Math.ceil(kills / 2) },
  { fault: killServer, rounds: Math.floor(kills / 2) },
  { fault: endSessions, rounds: Math.ceil(kills / 4) },
  { fault: interruptBelay, rounds: Math.ceil(kills / 8) },
  { fault: terminateBelay, rounds: Math.ceil(kills / 8) },
];

/** Every command comes equally often; a run of few rounds begins where its seed says. */
const firstCommand = Math.floor(createRandom(seed, 'commands').next() * commands.length);
let dealt = firstCommand;
function nextCommand(): Command {
  dealt += 1;
  return commands[dealt % commands.length] as Command;
}

/** The rounds of a fault on one of the servers: the first get what cannot be shared evenly, each fault another first. */
function roundsOn(serverIndex: number, faultIndex: number, rounds: number): number {
  const place = (serverIndex + faultIndex) % servers.length;
  return Math.floor(rounds / servers.length) + (place < rounds % servers.length ? 1 : 0);
}

describe.each(servers.map((server, index) => ({ ...server, index })))('$name', (kind) => {
  let server: ThrowawayServer;
  let scene: Scene;
  const durations = new Map<Command, number>();
  const results: RoundResult[] = [];

  beforeAll(async () => {
    server = await startThrowawayServer({ major: kind.major });
    scene = await openScene(server);
    for (const command of commands) {
      await prepare(scene, command);
      const end = await runVictim(
        argumentsOf(command, scene),
        { step: null, afterMs: 60_000 },
        async () => {},
      );
      if (end.exitCode !== 0) throw new Error(`undisturbed ${command} failed:\n${end.output}`);
      durations.set(command, end.durationMs);
    }
  });

  afterAll(async () => {
    await server?.remove();
  });

  plan.forEach(({ fault, rounds: allRounds }, faultIndex) => {
    const rounds = roundsOn(kind.index, faultIndex, allRounds);
    if (rounds === 0) return;
    const dealtCommands = Array.from({ length: rounds }, nextCommand);
    test(`survives ${fault.name}, ${rounds} times`, { timeout: rounds * 90_000 }, async () => {
      for (const [round, command] of dealtCommands.entries()) {
        const stream = `${kind.name}/${fault.name}/${round}`;
        const durationMs = durations.get(command) ?? 0;
        const result = await runRound(scene, { seed, stream, command, fault, durationMs });
        results.push(result);
        if (process.env.BELAY_FAULT_LOG) {
          process.stderr.write(`${stream} ${command}: ${JSON.stringify(result)}\n`);
        }
      }
    });
  });

  // With few rounds it may well be that all of them come too early or too late.
  if (kills < 100) return;
  test('has met commands at work, before and after their swap', () => {
    const hits = results.filter(({ hit }) => hit);
    expect(hits.length).toBeGreaterThan(results.length / 4);
    expect(hits.filter(({ outcome }) => outcome === 'old').length).toBeGreaterThan(0);
    expect(hits.filter(({ outcome }) => outcome === 'new').length).toBeGreaterThan(0);
    expect(results.filter(({ repaired }) => repaired > 0).length).toBeGreaterThan(0);
  });
});
