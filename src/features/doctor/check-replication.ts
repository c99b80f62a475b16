import { quoteLiteral } from '../../postgres/session.js';
import { readSlotHolds, type SlotHold } from '../../postgres/shadow/replication-slots.js';
import type { Target } from '../target/open-target.js';
import { type Check, fail, megabytes, ok, warn } from './check.js';

const name = 'replication';
const muchBytes = 64 * 1024 * 1024;
const dangerousBytes = 1024 * 1024 * 1024;

/** In this order they are told: what fails the check first. */
const gravity = { fail: 0, warn: 1, ok: 2 } as const;

/**
 * Slots keep the server from removing WAL until its disk is full: those of Belay's shadows in any database, and those of others
 * in the target that nobody reads.
 */
export async function checkReplication({ main, database }: Target): Promise<Check> {
  const slots = await readSlotHolds(main);
  const found = slots
    .map((slot) => (slot.isBelays ? judgeOwn(slot) : judgeForeign(slot, database)))
    .sort((a, b) => gravity[a.status] - gravity[b.status]);
  const [worst] = found;
  if (!worst || worst.status === 'ok') return ok(name, describeQuiet(slots));
  const told = found.filter(({ status }) => status !== 'ok');
  const detail = told.map((check) => check.detail).join('; ');
  return { name, status: worst.status, detail, hint: worst.hint };
}

function describeQuiet(slots: readonly SlotHold[]): string {
  const own = slots.filter(({ isBelays }) => isBelays);
  if (own.length === 0) return 'no slot of a shadow';
  const shown = own.map(({ slot, heldBytes }) => `"${slot}" holds ${megabytes(heldBytes ?? 0)}`);
  return `${shown.join(', ')} of WAL`;
}

function judgeOwn(slot: SlotHold): Check {
  const held = slot.heldBytes ?? 0;
  const what = `slot "${slot.slot}" of a shadow of "${slot.database}"`;
  const drop = `\`belay shadow abort\` removes it; without a shadow: SELECT pg_drop_replication_slot(${quoteLiteral(slot.slot)})`;
  if (slot.walStatus === 'lost') {
    return fail(name, `${what} is lost: the server has removed WAL that it needs`, drop);
  }
  if (slot.walStatus === 'unreserved') {
    const detail = `${what} is about to be lost: it needs WAL that the server no longer keeps for it`;
    return fail(name, detail, `\`belay shadow sync\` at once reads it. ${drop}.`);
  }
  const detail = `${what} holds ${megabytes(held)} of WAL that the server cannot remove`;
  const hint = `\`belay shadow sync\` lets it go. ${drop}.`;
  if (held > dangerousBytes) return fail(name, detail, hint);
  return held > muchBytes ? warn(name, detail, hint) : ok(name, detail);
}

/** Of others, only what concerns the target and what nobody reads: a busy slot is its owner's matter. */
function judgeForeign(slot: SlotHold, database: string): Check {
  const held = slot.heldBytes ?? 0;
  if (slot.database !== database || slot.active || held <= muchBytes) return ok(name, slot.slot);
  return warn(
    name,
    `slot "${slot.slot}" of "${database}" is read by nobody and holds ${megabytes(held)} of WAL`,
    `It is not Belay's. Start what reads it, or drop it: SELECT pg_drop_replication_slot(${quoteLiteral(slot.slot)})`,
  );
}
