import type { JobEvent } from '../../contract/job.js';

/** So often that no proxy takes the silence of a long step for the end. */
const heartbeatMs = 15_000;

export interface EventStreamOptions {
  /** Aborts what produces the events. */
  readonly abort: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Server-sent events: one for each event of a job, until the job is over. A reader that takes none makes the source wait.
 */
export function eventStream(
  events: AsyncIterable<JobEvent>,
  { abort, onError }: EventStreamOptions,
): Response {
  const iterator = events[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let coming: Promise<IteratorResult<JobEvent>> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      // Before the first event, so that the reader knows that it is connected.
      start: (controller) => controller.enqueue(encoder.encode(': connected\n\n')),
      pull: async (controller) => {
        coming ??= iterator.next();
        try {
          const next = await withHeartbeat(coming);
          if (next === 'heartbeat') {
            controller.enqueue(encoder.encode(': still here\n\n'));
            return;
          }
          coming = undefined;
          if (next.done) controller.close();
          else controller.enqueue(encoder.encode(printEvent(next.value)));
        } catch (error) {
          onError(error);
          // The reader comes back with Last-Event-ID.
          controller.close();
        }
      },
      cancel: async () => {
        abort();
        coming?.catch(() => undefined);
        await iterator.return?.().catch(() => undefined);
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // nginx would gather events else.
      'x-accel-buffering': 'no',
    },
  });
}

async function withHeartbeat<T>(coming: Promise<T>): Promise<T | 'heartbeat'> {
  let timer: NodeJS.Timeout | undefined;
  const heartbeat = new Promise<'heartbeat'>((resolve) => {
    timer = setTimeout(() => resolve('heartbeat'), heartbeatMs);
  });
  try {
    return await Promise.race([coming, heartbeat]);
  } finally {
    clearTimeout(timer);
  }
}

function printEvent(event: JobEvent): string {
  const name = event.event.type === 'state' ? 'state' : 'progress';
  return `id: ${event.seq}\nevent: ${name}\ndata: ${JSON.stringify(event)}\n\n`;
}
