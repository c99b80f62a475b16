import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { BelayError } from '../errors.js';
import { redactUrl } from '../postgres/redact-url.js';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/**
 * Structured logs: one JSON document a line, on stderr. What goes in is chosen where it is logged: never headers, queries or
 * bodies.
 * @throws BelayError USAGE for a BELAY_LOG_LEVEL that is none
 */
export function openLog(env: NodeJS.ProcessEnv, to?: DestinationStream): Logger {
  const level = env.BELAY_LOG_LEVEL || 'info';
  if (!levels.includes(level)) {
    throw new BelayError('USAGE', `BELAY_LOG_LEVEL is none of ${levels.join(', ')}`);
  }
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    // Requests do not wait for the log to be written.
    to ?? destination({ dest: 2, sync: false }),
  );
}

/** Only what is meant for people: drivers' errors carry parameters and rows. */
function describeError(thrown: unknown): object {
  if (!(thrown instanceof Error)) return { message: redactUrl(String(thrown)) };
  const { cause } = thrown;
  return {
    name: thrown.name,
    ...(thrown instanceof BelayError ? { code: thrown.code, hint: thrown.hint } : {}),
    message: redactUrl(thrown.message),
    stack: redactUrl(thrown.stack ?? ''),
    ...(cause instanceof Error ? { cause: redactUrl(cause.message) } : {}),
  };
}
