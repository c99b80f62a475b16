import { isDeepStrictEqual } from 'node:util';
import { type FoundLeftover, repairTarget, undoRestore } from '../../src/index.js';
import { runBelay } from '../support/servers.js';
import type { Fault } from './faults.js';
import { createRandom } from './random.js';
import {
  prepare,
  readAllDatabases,
  readState,
  type Scene,
  type State,
  waitUntilQuiet,
  withTarget,
} from './scene.js';
import { type Content, isSameContent } from './shop.js';
import { type Command, chooseMoment, runVictim, type VictimEnd } from './victim.js';

export interface RoundPlan {
  readonly seed: number;
  /** Together with the seed it decides everything that is random in the round. */
  readonly stream: string;
  readonly command: Command;
  readonly fault: Fault;
  /** How long the command takes when nobody disturbs it. */
  readonly durationMs: number;
}

export interface RoundResult {
  /** The command was still at work when the fault came. */
  readonly hit: boolean;
  readonly outcome: 'old' | 'new';
  readonly repaired: number;
  readonly exitCode: number | null;
  readonly durationMs: number;
}

/** What the live database may hold afterwards, and which snapshot may be gone because it is the live database now. */
interface Expected {
  readonly old: Content;
  readonly new: Content | undefined;
  readonly consumed: string | null;
}

export function argumentsOf(command: Command, scene: Scene): string[] {
  const url = ['--url', scene.shop.url];
  if (command === 'snapshot') return ['snapshot', `round-${scene.changes}`, ...url];
  if (command === 'restore') return ['restore', 'baseline', ...url];
  if (command === 'undo') return ['undo', ...url];
  return ['switch', 'baseline', '--save', `round-${scene.changes}`, ...url];
}

/**
 * One command, one fault, and everything that must hold afterwards.
 * @throws Error with all that does not, and how to repeat it
 */
export async function runRound(scene: Scene, plan: RoundPlan): Promise<RoundResult> {
  const random = createRandom(plan.seed, plan.stream);
  const before = await prepare(scene, plan.command);
  const moment = chooseMoment(random, plan.command, plan.durationMs);
  const problems: string[] = [];
  let end: VictimEnd | undefined;
  try {
    end = await runVictim(argumentsOf(plan.command, scene), moment, (victim) =>
      plan.fault.apply(scene.server, victim, random),
    );
    return { ...(await check(scene, plan, before, end, problems)), ...end };
  } catch (error) {
    problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    throw describeFailure(plan, moment, end, problems);
  }
}

async function check(
  scene: Scene,
  plan: RoundPlan,
  before: State,
  end: VictimEnd,
  problems: string[],
): Promise<Pick<RoundResult, 'outcome' | 'repaired'>> {
  const expect = (holds: boolean, problem: string) => holds || problems.push(problem);
  expect(plan.fault.exitCodes.includes(end.exitCode), `exit code ${end.exitCode}`);
  await waitUntilQuiet(scene);

  const repair = await runBelay(['repair', '--json', '--url', scene.shop.url]);
  expect(repair.exitCode === 0, `repair ended with ${repair.exitCode}: ${repair.stdout}`);
  const found: FoundLeftover[] = repair.json.found ?? [];
  const wasDone = end.exitCode === 0;
  // An interrupted count is all that it may leave: the snapshot is whole, and the swap was done.
  const isClean = found.every(({ kind }) => wasDone && kind === 'not-counted');
  expect(isClean || !plan.fault.leavesNothing, `it could have cleaned up: ${repair.stdout}`);
  const again = await withTarget(scene, (target) => repairTarget(target));
  expect(again.found.length === 0, `left after repair: ${JSON.stringify(again.found)}`);

  const after = await readState(scene);
  const expected = expectedStates(plan.command, before);
  const outcome = outcomeOf(plan, before, after, expected);
  expect(
    outcome !== undefined,
    `the target is in neither state, but ${JSON.stringify(after.live)}`,
  );
  expect(!wasDone || outcome === 'new', 'the command said that it was done, and it is not');
  const isRefused = end.exitCode === 130 || end.exitCode === 143;
  expect(!isRefused || outcome === 'old', 'the command said that it did nothing, and it did');
  checkSnapshots(plan, { before, after, expected, outcome: outcome ?? 'old' }, problems);
  await checkDatabases(scene, after, problems);
  if (problems.length === 0) await checkUndo(scene, after, problems);
  if (problems.length > 0) throw new Error('the fault has done harm');
  return { outcome: outcome ?? 'old', repaired: found.length };
}

function expectedStates(command: Command, before: State): Expected {
  const { live, snapshots, undo } = before;
  const contentOf = (id: string | null) => (id === null ? undefined : snapshots.get(id)?.content);
  if (command === 'snapshot') return { old: live, new: live, consumed: null };
  if (command === 'undo') {
    // A state that was kept automatically is renamed back, so its snapshot is the live database then.
    const isAutomatic = undo && snapshots.get(undo)?.snapshot.reason === 'before-restore';
    const consumed = isAutomatic ? undo : null;
    return { old: live, new: contentOf(undo), consumed };
  }
  const baseline = [...snapshots.values()].find(({ snapshot }) => snapshot.tag === 'baseline');
  return { old: live, new: baseline?.content, consumed: null };
}

function newSnapshots(before: State, after: State) {
  return [...after.snapshots.values()].filter(({ snapshot }) => !before.snapshots.has(snapshot.id));
}

function outcomeOf(plan: RoundPlan, before: State, after: State, expected: Expected) {
  const {
    command,
    fault: { crashes: crashed },
  } = plan;
  const isNew =
    command === 'snapshot'
      ? newSnapshots(before, after).length > 0
      : expected.new !== undefined && isSameContent(expected.new, after.live, { crashed: false });
  if (isNew) return 'new';
  return isSameContent(expected.old, after.live, { crashed }) ? 'old' : undefined;
}

interface Comparison {
  readonly before: State;
  readonly after: State;
  readonly expected: Expected;
  readonly outcome: 'old' | 'new';
}

/** What was there is there, unchanged; and what the command has replaced or copied is there in the new state only. */
function checkSnapshots(
  { fault: { crashes: crashed } }: RoundPlan,
  { before, after, expected, outcome }: Comparison,
  problems: string[],
): void {
  for (const [id, known] of before.snapshots) {
    const { tag } = known.snapshot;
    const now = after.snapshots.get(id);
    if (!now && id === expected.consumed && outcome === 'new') continue;
    if (!now) problems.push(`snapshot "${tag}" is gone`);
    else if (!isDeepStrictEqual(now.content, known.content)) {
      problems.push(`"${tag}" has changed: ${JSON.stringify(now.content)}`);
    } else if (!isDeepStrictEqual(now.snapshot, known.snapshot)) {
      problems.push(`the record of "${tag}" has changed: ${JSON.stringify(now.snapshot)}`);
    }
  }
  const added = newSnapshots(before, after);
  if (added.length !== (outcome === 'new' ? 1 : 0)) {
    problems.push(`${added.length} new snapshots in the ${outcome} state`);
  }
  for (const { snapshot, content } of added) {
    if (!isSameContent(before.live, content, { crashed }))
      problems.push(`"${snapshot.tag}" is not what was live`);
    if (snapshot.fingerprint === null) problems.push(`"${snapshot.tag}" is not counted`);
  }
}

/** Only the target and listed snapshots, each with its record and closed. */
async function checkDatabases(scene: Scene, after: State, problems: string[]): Promise<void> {
  const listed = new Set(
    [...after.snapshots.values()].flatMap(({ snapshot }) =>
      snapshot.copies.flatMap((copy) => (copy.type === 'clone' ? copy.database : [])),
    ),
  );
  for (const database of await readAllDatabases(scene)) {
    const isTarget = database.name === scene.shop.name;
    const isOpen = database.allowsConnections && database.connectionLimit === -1;
    if (isTarget && isOpen && !database.hasRecord) continue;
    const isSealed = database.hasRecord && !database.allowsConnections;
    if (!isTarget && isSealed && listed.has(database.name)) continue;
    problems.push(`a database that should not be so: ${JSON.stringify(database)}`);
  }
}

/** The next command works, and brings back what the timeline says. */
async function checkUndo(scene: Scene, before: State, problems: string[]): Promise<void> {
  if (before.undo === null) return;
  await withTarget(scene, (target) => undoRestore(target));
  const after = await readState(scene);
  if (!isDeepStrictEqual(after.live, before.snapshots.get(before.undo)?.content)) {
    problems.push(`undo has brought back something else: ${JSON.stringify(after.live)}`);
  }
}

function describeFailure(
  plan: RoundPlan,
  moment: ReturnType<typeof chooseMoment>,
  end: VictimEnd | undefined,
  problems: readonly string[],
): Error {
  const at = `${moment.afterMs.toFixed(1)} ms after ${moment.step ?? 'the start'}`;
  return new Error(
    [
      `${plan.fault.name} during ${plan.command}, ${at} (round ${plan.stream})`,
      `to repeat it: BELAY_FAULT_SEED=${plan.seed} BELAY_FAULT_ROUNDS=${process.env.BELAY_FAULT_ROUNDS ?? ''}`,
      ...problems,
      ...(end ? [`the command ended with ${end.exitCode ?? end.signal}:`, end.output] : []),
    ].join('\n'),
  );
}
