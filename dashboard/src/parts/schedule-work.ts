import type { ScheduledType } from '../answers.js';

/** What can be done by the clock, in words. */
export const scheduledWork: readonly (readonly [ScheduledType, string])[] = [
  ['checkpoint', 'Checkpoint: an archive that is proven to restore'],
  ['snapshot', 'Snapshot: a copy on the same server'],
  ['drill-old', 'Proof: drill archives whose last proof is old'],
  ['prune', 'Retention: remove old snapshots'],
  ['branch-gc', 'Clean up: remove expired branches'],
  ['drift', 'Drift: look whether the schema was changed by hand'],
];

/** The first words of it, e.g. "Checkpoint". */
export function scheduleWords(type: ScheduledType): string {
  const words = scheduledWork.find(([one]) => one === type)?.[1] ?? type;
  return words.split(':')[0] ?? type;
}

export interface WorkDetails {
  /** Of a checkpoint or snapshot: "{date}" and "{time}" are replaced. */
  readonly tag: string;
  /** Days since the last proof, or that snapshots are kept. */
  readonly days: string;
  /** Snapshots that stay in any case. */
  readonly keepLast: string;
  /** The registered name, where it is production. */
  readonly confirm?: string | undefined;
}

const wholeNumber = /^\d{1,5}$/;

/** What is wrong with the details of a kind of work, by field. */
export function detailProblems(
  type: ScheduledType,
  { tag, days, keepLast }: WorkDetails,
): { readonly tag?: string; readonly days?: string; readonly keepLast?: string } {
  const isWrong = (text: string) => !wholeNumber.test(text.trim());
  if (type === 'snapshot' || type === 'checkpoint') {
    const isFixed = tag.trim() !== '' && !/\{(?:date|time)\}/.test(tag);
    if (type === 'snapshot' && tag.trim() === '') return { tag: 'A snapshot needs a tag.' };
    return isFixed ? { tag: 'Put {date} or {time} into it: a tag can be there only once.' } : {};
  }
  if (type !== 'prune' && type !== 'drill-old') return {};
  return {
    ...(isWrong(days) ? { days: 'Give a number of days.' } : {}),
    ...(type === 'prune' && isWrong(keepLast) ? { keepLast: 'Give a number of snapshots.' } : {}),
  };
}

/** The input of the schedule's jobs. */
export function scheduleInput(
  type: ScheduledType,
  { tag, days, keepLast, confirm }: WorkDetails,
): Readonly<Record<string, unknown>> {
  switch (type) {
    case 'checkpoint':
    case 'snapshot':
      return tag.trim() === '' ? {} : { tag: tag.trim() };
    case 'prune':
      return {
        ...{ keepLast: Number(keepLast), keepWithin: `${Number(days)}d` },
        ...(confirm === undefined ? {} : { confirm }),
      };
    case 'drill-old':
      return { olderThan: `${Number(days)}d` };
    default:
      return {};
  }
}
