import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { expect } from 'vitest';
import {
  deleteSnapshot,
  type ErrorCode,
  protectSnapshot,
  pruneSnapshots,
  renameSnapshot,
  repairTarget,
  restoreSnapshot,
  switchSnapshot,
  takeSnapshot,
  undoRestore,
  unprotectSnapshot,
} from '../../../src/index.js';
import { applyChange, expectSame, type RealTimeline } from './database.js';
import {
  type Change,
  createTable,
  deleteOdd,
  doubleValues,
  dropTable,
  insertInto,
  type ModelSnapshot,
  setNoteColumn,
  type TimelineModel,
  truncate,
} from './model.js';

type Command = fc.AsyncCommand<TimelineModel, RealTimeline>;
type Run = (model: TimelineModel, real: RealTimeline) => Promise<void>;

const cwd = tmpdir();
const confirm = () => true;

/** One step: done to both, then everything that can be seen is compared. */
function step(name: string, run: Run): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      await run(model, real);
      await expectSame(model, real);
    },
    toString: () => name,
  };
}

/** What is refused must be refused for the right reason, and change nothing. */
async function expectError(code: ErrorCode, running: Promise<unknown>): Promise<void> {
  await expect(running).rejects.toMatchObject({ code });
}

/** Runs `work` where the reference means a snapshot, and expects the error where it means none. */
async function onFound<T>(
  model: TimelineModel,
  reference: string,
  running: () => Promise<T>,
  work: (snapshot: ModelSnapshot) => void | Promise<void>,
): Promise<void> {
  const snapshot = model.find(reference);
  if (snapshot) await work(snapshot);
  else await expectError('SNAPSHOT_NOT_FOUND', running());
}

/** What a user would write for "#undo", the snapshot that undo would bring back, or a place on the timeline, "#3": by turns its tag and how far back it is. */
function toReference(model: TimelineModel, place: string): string {
  if (!place.startsWith('#')) return place;
  if (place === '#undo') return model.undo?.tag ?? 'nothing-to-undo';
  const number = Number(place.slice(1));
  const index = number % Math.max(model.snapshots.length, 1);
  return (number % 2 === 0 && model.snapshots[index]?.tag) || `~${index}`;
}

const snapshotAs = (tag: string) =>
  step(`snapshot ${tag}`, async (model, { target }) => {
    const running = takeSnapshot(target, { tag, cwd });
    if (model.isTaken(tag)) return expectError('TAG_EXISTS', running);
    await running;
    model.take(tag);
  });

const restore = (place: string) =>
  step(`restore ${place}`, (model, { target }) => {
    const reference = toReference(model, place);
    const run = () => restoreSnapshot(target, { reference, cwd });
    return onFound(model, reference, run, async (snapshot) => {
      const { previous } = await run();
      model.restore(snapshot, { tag: previous?.tag ?? '', isAutomatic: true });
    });
  });

const switchTo = (place: string, save: string | undefined) =>
  step(`switch ${place}${save ? ` --save ${save}` : ''}`, async (model, { target }) => {
    const reference = toReference(model, place);
    const run = () => switchSnapshot(target, { reference, save, cwd });
    if (save && model.isTaken(save)) return expectError('TAG_EXISTS', run());
    return onFound(model, reference, run, async (snapshot) => {
      const { saved } = await run();
      model.restore(snapshot, { tag: save ?? saved.tag, isAutomatic: save === undefined });
    });
  });

const undo = () =>
  step('undo', async (model, { target }) => {
    const running = undoRestore(target, { cwd });
    const snapshot = model.undo;
    if (!snapshot) return expectError('NOTHING_TO_UNDO', running);
    const { previous } = await running;
    model.undoLast(snapshot, previous?.tag ?? '');
  });

const rename = (place: string, tag: string) =>
  step(`rename ${place} ${tag}`, (model, { target }) => {
    const reference = toReference(model, place);
    const run = () => renameSnapshot(target, { reference, tag });
    return onFound(model, reference, run, async (snapshot) => {
      if (snapshot.tag !== tag && model.isTaken(tag)) return expectError('TAG_EXISTS', run());
      await run();
      snapshot.tag = tag;
      snapshot.isAutomatic = false;
    });
  });

const remove = (place: string) =>
  step(`delete ${place}`, (model, { target }) => {
    const reference = toReference(model, place);
    const run = () => deleteSnapshot(target, { reference, confirm });
    return onFound(model, reference, run, async (snapshot) => {
      if (snapshot.isProtected) return expectError('PROTECTED', run());
      await run();
      model.remove(snapshot);
    });
  });

const removeUnconfirmed = (place: string) =>
  step(`delete ${place} unconfirmed`, (model, { target }) => {
    const reference = toReference(model, place);
    const run = () => deleteSnapshot(target, { reference });
    return onFound(model, reference, run, ({ isProtected }) =>
      expectError(isProtected ? 'PROTECTED' : 'NOT_CONFIRMED', run()),
    );
  });

const setProtection = (place: string, isProtected: boolean) =>
  step(`${isProtected ? 'protect' : 'unprotect'} ${place}`, (model, { target }) => {
    const reference = toReference(model, place);
    const run = () => (isProtected ? protectSnapshot : unprotectSnapshot)(target, { reference });
    return onFound(model, reference, run, async (snapshot) => {
      await run();
      snapshot.isProtected = isProtected;
    });
  });

const prune = (keepLast: number) =>
  step(`prune --keep-last ${keepLast}`, async (model, { target }) => {
    const { removed } = await pruneSnapshots(target, { keepLast, confirm });
    const expected = model.prune(keepLast);
    expect(removed.map(({ tag }) => tag)).toEqual(expected.map(({ tag }) => tag));
  });

const repair = () =>
  step('repair', async (_model, { target }) => {
    expect((await repairTarget(target)).found).toEqual([]);
  });

/** Interrupted before the swap, a restore has done nothing. */
const interruptedRestore = (place: string, during: string) =>
  step(`restore ${place}, interrupted during ${during}`, (model, { target }) => {
    const reference = toReference(model, place);
    const controller = new AbortController();
    const run = () =>
      restoreSnapshot(target, {
        ...{ reference, cwd, signal: controller.signal },
        reporter: (event) => {
          if (event.type === 'step' && event.name === during) controller.abort('SIGINT');
        },
      });
    return onFound(model, reference, run, () => expectError('INTERRUPTED', run()));
  });

const write = (change: Change) =>
  step(change.name, async (model, { database }) => {
    await applyChange(database.url, change);
    model.live = { ...model.live, content: change.apply(model.live.content) };
  });

const tags = fc.constantFrom('a', 'b', 'c/d', 'e', 'f.1');
/** Mostly one that is there: a place on the timeline as it is then, else what may be there or not. */
const references = fc.oneof(
  { weight: 6, arbitrary: fc.nat(5).map((place) => `#${place}`) },
  // Undo depends on one snapshot alone, so what is done to that one matters most.
  { weight: 4, arbitrary: fc.constant('#undo') },
  { weight: 1, arbitrary: tags },
  { weight: 1, arbitrary: fc.constantFrom('latest', '~1', '~9', 'nothing-like-it') },
);
const climbers = 'climbers';
const changes = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom('left', 'right', 'grün'))
    .map(([id, value]) => insertInto(climbers, id, value)),
  fc.constantFrom(
    deleteOdd(climbers),
    doubleValues(climbers),
    truncate(climbers),
    createTable('ropes'),
    dropTable('ropes'),
  ),
  fc.boolean().map((hasNote) => setNoteColumn(climbers, hasNote)),
);

/** All commands; what a user does most often comes most often. */
export const allCommands: readonly fc.Arbitrary<Command>[] = [
  changes.map(write),
  changes.map(write),
  tags.map(snapshotAs),
  tags.map(snapshotAs),
  references.map(restore),
  references.map(restore),
  references.map(restore),
  fc
    .tuple(references, fc.option(tags, { nil: undefined }))
    .map(([place, save]) => switchTo(place, save)),
  fc
    .tuple(references, fc.option(tags, { nil: undefined }))
    .map(([place, save]) => switchTo(place, save)),
  fc.constant(undo()),
  fc.constant(undo()),
  fc.constant(undo()),
  fc.tuple(references, tags).map(([place, tag]) => rename(place, tag)),
  references.map(remove),
  references.map(removeUnconfirmed),
  references.map((place) => setProtection(place, true)),
  fc
    .tuple(references, fc.boolean())
    .map(([place, isProtected]) => setProtection(place, isProtected)),
  fc.integer({ min: 0, max: 3 }).map(prune),
  fc.constant(repair()),
  fc
    .tuple(references, fc.constantFrom('copy', 'carry over settings and grants', 'verify'))
    .map(([place, during]) => interruptedRestore(place, during)),
];
