import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import type { ProgressEvent, Reporter } from '../domain/reporter.js';
import { silentReporter } from '../domain/reporter.js';

export type ToolExtra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** Tells the assistant's program what is going on, where it asked to be told. */
export function progressReporter(extra: ToolExtra): Reporter {
  const progressToken = extra._meta?.progressToken;
  if (progressToken === undefined) return silentReporter;
  let progress = 0;
  return (event) => {
    const message = describeProgress(event);
    if (message === undefined) return;
    progress += 1;
    const params = { progressToken, progress, message };
    // A client that went away needs no news; the work itself ends by the signal.
    extra.sendNotification({ method: 'notifications/progress', params }).catch(() => {});
  };
}

function describeProgress(event: ProgressEvent): string | undefined {
  if (event.type === 'step') return event.detail ? `${event.name}: ${event.detail}` : event.name;
  if (event.type === 'note') return event.message;
  return event.type === 'warning' ? `warning: ${event.message}` : undefined;
}
