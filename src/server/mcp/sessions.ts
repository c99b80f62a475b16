import { randomUUID } from 'node:crypto';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { Caller } from '../../contract/caller.js';
import { BelayError } from '../../errors.js';
import { createMcpServer } from '../../mcp/index.js';
import type { Services } from '../services.js';
import { createJobExecutor } from './job-executor.js';

interface Session {
  readonly callerId: string;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  usedAtMs: number;
}

/** Sessions are memory: an assistant that is forgotten begins anew, as the protocol says. */
const mostSessions = 200;
const mostOfOneCaller = 50;
const idleMs = 60 * 60_000;
const sweepMs = 5 * 60_000;

/** What assistants that call over HTTP have open at this server. */
export class McpSessions {
  readonly #services: Services;
  readonly #sessions = new Map<string, Session>();
  readonly #sweeping: NodeJS.Timeout;

  constructor(services: Services) {
    this.#services = services;
    this.#sweeping = setInterval(() => this.#sweep(), sweepMs);
    this.#sweeping.unref();
    services.closing.addEventListener('abort', () => this.#close(), { once: true });
  }

  /** Undefined: it is none of this caller, or not of this server, or was forgotten. */
  find(id: string, caller: Caller): WebStandardStreamableHTTPServerTransport | undefined {
    const session = this.#sessions.get(id);
    if (!session || session.callerId !== caller.id) return undefined;
    session.usedAtMs = performance.now();
    return session.transport;
  }

  /**
   * Begins a session with the tools that the caller may use.
   * @throws BelayError THROTTLED where there are too many
   */
  async begin(caller: Caller): Promise<WebStandardStreamableHTTPServerTransport> {
    this.#makeRoom(caller);
    const { logger, allowsRestoreByAssistants: allowRestore } = this.#services;
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        const session = { callerId: caller.id, transport, usedAtMs: performance.now() };
        this.#sessions.set(id, session);
      },
      onsessionclosed: (id) => void this.#sessions.delete(id),
    });
    const server = createMcpServer({
      ...{ executor: createJobExecutor(this.#services, caller), allowRestore },
      scopes: caller.scopes,
      onBug: (error) => logger.error({ err: error, caller: caller.id }, 'bug in a tool'),
    });
    await server.connect(transport);
    return transport;
  }

  /** The oldest of the caller goes; another's is never taken away for it. */
  #makeRoom(caller: Caller): void {
    const own = [...this.#sessions].filter(([, { callerId }]) => callerId === caller.id);
    if (own.length >= mostOfOneCaller) {
      const [oldest] = own.sort(([, a], [, b]) => a.usedAtMs - b.usedAtMs);
      if (oldest) this.#end(oldest[0]);
    }
    if (this.#sessions.size < mostSessions) return;
    this.#sweep();
    if (this.#sessions.size < mostSessions) return;
    throw new BelayError('THROTTLED', 'too many assistants have a session at this server', {
      hint: 'End sessions that are not used, or try again later.',
      details: { retryAfterSeconds: 60 },
    });
  }

  #sweep(): void {
    const now = performance.now();
    for (const [id, { usedAtMs }] of this.#sessions) if (now - usedAtMs > idleMs) this.#end(id);
  }

  #end(id: string): void {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    void session?.transport.close();
  }

  #close(): void {
    clearInterval(this.#sweeping);
    for (const id of this.#sessions.keys()) this.#end(id);
  }
}
