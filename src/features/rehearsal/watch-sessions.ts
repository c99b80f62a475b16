import { setTimeout as wait } from 'node:timers/promises';
import {
  readOwnAddress,
  readWatchedSessions,
  type WatchedSession,
} from '../../postgres/rehearsal/target-evidence.js';
import type { Session } from '../../postgres/session.js';
import { normalAddress, type SocketOwner, socketOwners } from '../../process/isolated-sockets.js';

export interface SessionWatch {
  /** Opens a session on another database of the server. */
  readonly open: () => Promise<Session>;
  readonly oid: number;
  /** Of the command's sessions; null: there is no command. */
  readonly applicationName: string | null;
  readonly intervalMs: number;
  /** The command's processes that live now. */
  readonly findProcesses: () => Promise<readonly number[]>;
}

/** Who was seen. */
export interface SessionCounts {
  readonly commandSessions: readonly string[];
  readonly sessionsBefore: number;
  readonly foreignSessions: number;
  readonly unknownSessions: number;
  readonly workers: number;
  /** Clients that came while it was watched. */
  readonly clientsBegun: number;
  readonly looks: number;
  readonly failedLooks: number;
  readonly intervalMs: number;
}

interface SeenSession {
  readonly session: WatchedSession;
  readonly wasThere: boolean;
  owner: SocketOwner;
}

/** Notes every session that is seen in a database, and whose it is. */
export class SessionWatcher {
  readonly #watch: SessionWatch;
  readonly #seen = new Map<string, SeenSession>();
  readonly #times: number[] = [];
  #session: Session | null = null;
  #ownAddress: string | null = null;
  #looks = 0;
  #failedLooks = 0;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();
  #looking: Promise<readonly WatchedSession[]> = Promise.resolve([]);
  readonly #own = new Set<number>();

  constructor(watch: SessionWatch) {
    this.#watch = watch;
  }

  /**
   * Begins to look.
   * @param settleMs how long sessions that are about to end may take for it: they are not worth a mention
   * @throws BelayError where the first look fails
   */
  async start(settleMs: number): Promise<void> {
    this.#session = await this.#watch.open();
    this.#ownAddress = await readOwnAddress(this.#session);
    const until = performance.now() + settleMs;
    while (performance.now() < until) {
      if ((await readWatchedSessions(this.#session, this.#watch.oid)).length === 0) break;
      await wait(20);
    }
    await this.#look(true);
    this.#loop = this.#run();
  }

  /** A session of Belay's own does not count. */
  ignore(pid: number): void {
    this.#own.add(pid);
  }

  /** Waits until the command's sessions are gone: what they did is counted only then. */
  async waitForCommand(limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    do {
      const current = this.#looking.then(() => this.#tryToLook());
      this.#looking = current;
      if (!(await current).some((one) => this.#isOfCommand(one))) return;
      await wait(20);
    } while (performance.now() < until);
  }

  async stop(): Promise<SessionCounts> {
    this.#stopped = true;
    await this.#loop;
    await this.#session?.close();
    return this.#counts();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await wait(this.#watch.intervalMs);
      if (this.#stopped) return;
      // One look at a time: the loop's and those of who waits.
      this.#looking = this.#looking.then(() => this.#tryToLook());
      await this.#looking;
    }
  }

  /** One look that fails is told, and the next may succeed again: on a new connection where the old one is lost. */
  async #tryToLook(): Promise<readonly WatchedSession[]> {
    try {
      this.#session ??= await this.#watch.open();
      return await this.#look(false);
    } catch {
      this.#failedLooks += 1;
      await this.#session?.close();
      this.#session = null;
      return [];
    }
  }

  async #look(isFirst: boolean): Promise<readonly WatchedSession[]> {
    if (!this.#session) return [];
    this.#looks += 1;
    this.#times.push(performance.now());
    const current = await readWatchedSessions(this.#session, this.#watch.oid);
    const fresh = current.filter((session) => this.#note(session, isFirst));
    await this.#findOwners(fresh);
    return current;
  }

  /** @returns whether its owner is still to be found */
  #note(session: WatchedSession, wasThere: boolean): boolean {
    const key = `${session.pid} ${session.startedAt ?? ''}`;
    const known = this.#seen.get(key);
    const isNamed = session.application === this.#watch.applicationName;
    if (!known) {
      this.#seen.set(key, { session, wasThere, owner: isNamed ? 'processes' : 'unknown' });
      return !isNamed && !wasThere;
    }
    // Some drivers tell their name only after they have connected.
    if (isNamed) known.owner = 'processes';
    return !known.wasThere && known.owner === 'unknown';
  }

  async #findOwners(sessions: readonly WatchedSession[]): Promise<void> {
    const onTcp = sessions.flatMap(({ pid, startedAt, address, port }) => {
      const end = address !== null && port !== null && port > 0 ? { address, port } : null;
      return end ? [{ key: `${pid} ${startedAt ?? ''}`, end }] : [];
    });
    if (onTcp.length === 0) return;
    const ends = onTcp.map(({ end }) => ({ ...end, address: normalAddress(end.address) }));
    const owners = socketOwners(ends, await this.#watch.findProcesses());
    onTcp.forEach(({ key }, index) => {
      const known = this.#seen.get(key);
      const owner = owners[index] ?? 'unknown';
      if (!known) return;
      const isElsewhere = isOtherMachine(known.session.address, this.#ownAddress);
      known.owner = owner === 'unknown' && isElsewhere ? 'others' : owner;
    });
  }

  #isOfCommand({ pid, startedAt }: WatchedSession): boolean {
    return this.#seen.get(`${pid} ${startedAt ?? ''}`)?.owner === 'processes';
  }

  #counts(): SessionCounts {
    const all = [...this.#seen.values()].filter(({ session }) => !this.#own.has(session.pid));
    const clients = all.filter(({ session }) => session.isClient);
    const come = clients.filter(({ wasThere }) => !wasThere);
    const of = (owner: SocketOwner) => come.filter((one) => one.owner === owner);
    const gaps = this.#times.slice(1).map((time, index) => time - (this.#times[index] ?? time));
    return {
      commandSessions: of('processes').map(({ session }) => describe(session)),
      sessionsBefore: clients.length - come.length,
      foreignSessions: of('others').length,
      unknownSessions: of('unknown').length,
      workers: all.length - clients.length,
      clientsBegun: come.length,
      ...{ looks: this.#looks, failedLooks: this.#failedLooks },
      intervalMs: gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0,
    };
  }
}

const isLoopback = (address: string) => /^127\.|^::1$/.test(address);

/**
 * Whether a session comes from another machine than this: where the server sees this one at another address of the
 * same kind. A server on this machine sees it at several.
 */
function isOtherMachine(address: string | null, own: string | null): boolean {
  if (address === null || own === null || address === own) return false;
  if (isLoopback(address) || isLoopback(own)) return false;
  return address.includes(':') === own.includes(':');
}

function describe({ pid, user, application, address }: WatchedSession): string {
  const parts = [
    `pid ${pid}`,
    ...(user === null ? [] : [`as ${user}`]),
    ...(application === '' ? [] : [`as application "${application}"`]),
    address === null ? 'through a unix socket' : `from ${address}`,
  ];
  return parts.join(', ');
}
