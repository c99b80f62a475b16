import type { JobEvent } from '../../src/contract/job';
import { ApiError, readProblem, send } from './api';

/** One message of a stream of server-sent events. */
interface Message {
  readonly data: string;
}

/**
 * Cuts a stream of server-sent events into its messages. Comments and fields that nobody here needs are left out.
 * @returns takes the next piece of text, gives the messages that it completes
 */
function messageCutter(): (piece: string) => Message[] {
  let rest = '';
  return (piece) => {
    const blocks = (rest + piece.replaceAll('\r\n', '\n')).split('\n\n');
    rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart());
      return data.length === 0 ? [] : [{ data: data.join('\n') }];
    });
  };
}

const isLast = ({ event }: JobEvent): boolean =>
  event.type === 'state' && !['queued', 'running'].includes(event.state);

export interface FollowOptions {
  readonly onEvent: (event: JobEvent) => void;
  /** Whether the stream stands; while it does not, it is tried again. */
  readonly onConnection: (isLive: boolean) => void;
  readonly signal: AbortSignal;
}

/**
 * Follows a job until it is over. A stream that breaks is taken up after the last event that came, with growing pauses of at
 * most 5 seconds, so a server that is started again or a device that slept loses nothing.
 * @throws ApiError where the job is not there or may not be seen
 */
export async function followJob(id: string, options: FollowOptions): Promise<void> {
  let after = 0;
  let failures = 0;
  while (!options.signal.aborted) {
    try {
      for await (const event of readEvents(id, after, options)) {
        failures = 0;
        if (event.seq <= after) continue;
        after = event.seq;
        options.onEvent(event);
        if (isLast(event)) return;
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof ApiError && [401, 403, 404].includes(error.status)) throw error;
    }
    if (options.signal.aborted) return;
    failures += 1;
    options.onConnection(false);
    await pause(Math.min(5_000, 250 * 2 ** Math.min(failures, 5)), options.signal);
  }
}

async function* readEvents(id: string, after: number, options: FollowOptions) {
  const response = await send(`/api/jobs/${encodeURIComponent(id)}/events?after=${after}`, {
    headers: { accept: 'text/event-stream', 'last-event-id': String(after) },
    credentials: 'same-origin',
    signal: options.signal,
  });
  if (!response.ok || !response.body) throw await readProblem(response);
  options.onConnection(true);
  const cut = messageCutter();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      for (const { data } of cut(value)) yield JSON.parse(data) as JobEvent;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
