import { mostAgentBytes } from '../contract/agent.js';
import type { JobEvent } from '../contract/job.js';
import { trimDocument } from '../domain/trimmed-document.js';
import type { JobOutcome } from '../jobs/queue/job-source.js';

/** Of one text in an event; the library's own are far shorter. */
const mostCharacters = 1_000;
/** What is around a result takes a little too. */
const mostResultBytes = mostAgentBytes - 64 * 1024;
const mostErrorCharacters = 16_000;

/** Progress as the server takes it: states are the server's own, and long texts are cut. */
export function boundEvents(events: readonly JobEvent['event'][]): JobEvent['event'][] {
  return events
    .filter(({ type }) => type !== 'state')
    .map((event) =>
      Object.fromEntries(
        Object.entries(event)
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => [name, typeof value === 'string' ? shorten(value) : value]),
      ),
    ) as JobEvent['event'][];
}

const shorten = (text: string, most = mostCharacters): string =>
  text.length <= most ? text : `${text.slice(0, most)}…`;

/** The end of a job as the server takes it; without rows of the database, unless they are wanted. */
export function boundOutcome(
  outcome: JobOutcome,
  { showRows }: { readonly showRows: boolean },
): JobOutcome {
  if (outcome.state === 'cancelled') return outcome;
  const { result } = outcome;
  const bounded = result === undefined ? undefined : boundResult(result, showRows);
  if (outcome.state === 'succeeded') return { state: 'succeeded', result: bounded ?? null };
  const { error } = outcome;
  const shortened = {
    ...error,
    message: shorten(error.message, mostErrorCharacters),
    ...(error.hint === undefined ? {} : { hint: shorten(error.hint, mostErrorCharacters) }),
  };
  return {
    ...{ state: 'failed', error: shortened },
    ...(bounded === undefined ? {} : { result: bounded }),
  };
}

function boundResult(result: unknown, showRows: boolean): unknown {
  const shown = showRows ? result : withoutSamples(result);
  const { document, leftOut } = trimDocument(shown, mostResultBytes);
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  return leftOut.length > 0 && isObject ? { ...document, leftOut } : document;
}

/** Comparisons, plans and rehearsals show some rows as examples, in lists of this name. */
export function withoutSamples(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSamples);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === 'samples' && Array.isArray(member) ? [] : withoutSamples(member),
    ]),
  );
}
