import { type JobInput, jobInputs } from '../../contract/job.js';
import { parseDuration } from '../../domain/duration.js';
import { validateTag } from '../../domain/tag.js';
import { BelayError, toBelayError } from '../../errors.js';
import type { RegisteredDatabase } from '../databases/databases.js';
import { checkTimezone, occurrenceTag, type Rhythm } from './occurrences.js';
import { type ScheduledType, scheduledTypes } from './schedules.js';

export interface CheckedOrder {
  readonly type: ScheduledType;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What a job is given at one occurrence. */
export function occurrenceInput(
  { type, input }: CheckedOrder,
  at: Date,
  timezone: Rhythm['timezone'],
): JobInput<ScheduledType> {
  const { tag } = input;
  const filled =
    typeof tag === 'string' ? { ...input, tag: occurrenceTag(tag, at, timezone) } : input;
  const parsed = jobInputs[type].safeParse(filled);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw bad(
    `${where === '' ? 'the input' : where}: ${issue?.message ?? 'makes no sense'}`,
    `input.${where}`,
  );
}

/**
 * Whether work can be done by the clock, again and again, as it is ordered.
 * @throws BelayError BAD_SCHEDULE; NOT_CONFIRMED where it would delete from a production database and its name was not typed
 */
export function checkOrder(
  order: { readonly type: string; readonly input: Readonly<Record<string, unknown>> },
  { name, environment }: Pick<RegisteredDatabase, 'name' | 'environment'>,
  { timezone }: Pick<Rhythm, 'timezone'>,
): CheckedOrder {
  checkTimezone(timezone);
  const type = scheduledTypes.find((known) => known === order.type);
  if (!type) {
    throw bad(`${JSON.stringify(order.type.slice(0, 60))} cannot be scheduled`, 'type');
  }
  const checked = { type, input: order.input };
  checkValues(occurrenceInput(checked, new Date(), timezone), order.input);
  const deletes = type === 'prune' && order.input.dryRun !== true;
  if (deletes && environment === 'production' && order.input.confirm !== name) {
    throw new BelayError(
      'NOT_CONFIRMED',
      `a schedule that deletes snapshots of "${name}" needs its name: it is a production database`,
      {
        hint: `Put "confirm": ${JSON.stringify(name)} into its input.`,
        details: { confirm: name },
      },
    );
  }
  return checked;
}

function checkValues(input: JobInput, template: Readonly<Record<string, unknown>>): void {
  const { tag, keepWithin, olderThan } = input as Record<string, unknown>;
  try {
    if (typeof tag === 'string') validateTag(tag);
    if (typeof keepWithin === 'string') parseDuration(keepWithin);
    if (typeof olderThan === 'string') parseDuration(olderThan);
  } catch (error) {
    throw bad(toBelayError(error).message, 'input');
  }
  if (typeof template.tag === 'string' && !/\{(?:date|time)\}/.test(template.tag)) {
    throw bad(
      `the tag ${JSON.stringify(template.tag)} would be taken at the second time`,
      'input.tag',
      'Write "{date}" or "{time}" into it, e.g. "nightly-{date}".',
    );
  }
}

function bad(what: string, field: string, hint?: string): BelayError {
  return new BelayError('BAD_SCHEDULE', `the schedule cannot be used: ${what}`, {
    hint: hint ?? `Kinds are ${scheduledTypes.join(', ')}; the input is as for a job of the kind.`,
    details: { field },
  });
}
