import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Job } from '../../../src/contract/job.js';
import type { DumpTools } from '../../../src/process/client-tools.js';
import { type AgentProcess, startAgentProcess } from '../../support/agent-process.js';
import { withScripts } from '../../support/archives.js';
import {
  startTestServer,
  type TestBelayServer,
  type TestServerOptions,
} from '../../support/belay-server.js';
import type { DumpableServer } from '../../support/dump-tools.js';
import { createTestDatabase, type TestDatabase } from '../../support/servers.js';
import { shopSql } from '../../support/targets.js';
import { tellWatchdog } from '../../support/watchdog.js';

/** A server, databases that only agents reach, and their agents. */
export interface AgentScene {
  readonly server: TestBelayServer;
  /** Folder of the agents' archives and ledger; the server has another one. */
  readonly store: string;
  readonly urls: Readonly<Record<string, string>>;
  /** What keeps dumps of the agents waiting. */
  readonly gate: DumpGate;
  /** Bound to all databases of the scene. */
  readonly token: string;
  /** Starts an agent for some databases and waits until it is heard. */
  agent(name: string, databases: readonly string[], via?: string): Promise<AgentProcess>;
  /** Begins a job and does not wait for it. */
  begin(path: string, body: object): Promise<Job>;
  job(id: string): Promise<Job>;
  /** Waits for a state, and fails with what the job is instead. */
  until(id: string, state: Job['state'], timeoutMs?: number): Promise<Job>;
  /** Ends agents and server, and drops the databases. */
  close(): Promise<void>;
}

export const patienceMs = 120_000;

export async function openAgentScene(
  { server: postgres, tools }: DumpableServer,
  names: readonly string[],
  serve: TestServerOptions = {},
): Promise<AgentScene> {
  const store = mkdtempSync(join(tmpdir(), 'belay-agents-'));
  tellWatchdog(store);
  const databases: TestDatabase[] = [];
  const agents: AgentProcess[] = [];
  const urls: Record<string, string> = {};
  const server = await startTestServer(serve);
  const gate = await makeGate(store, tools);
  for (const name of names) {
    const database = await createTestDatabase(postgres, { name: 'agents', sql: shopSql });
    databases.push(database);
    urls[name] = database.url;
    const body = { name, kind: 'agent', environment: 'development' };
    const answer = await server.fetch('/api/databases', { method: 'POST', body });
    expect([answer.status, await answer.text()]).toMatchObject([201, expect.anything()]);
  }
  const token = await server.token('agent', names);
  const job = async (id: string) => (await (await server.fetch(`/api/jobs/${id}`)).json()) as Job;
  return {
    ...{ server, store, urls, token, job, gate },
    agent: async (name, served, via = server.url) => {
      const own = Object.fromEntries(served.map((one) => [one, urls[one] as string]));
      const agent = startAgentProcess({
        server: via,
        token,
        databases: own,
        name,
        store,
        env: gate.env,
      });
      agents.push(agent);
      await agent.ready;
      return agent;
    },
    begin: async (path, body) => {
      const headers = { prefer: 'respond-async' };
      const answer = await server.fetch(path, { method: 'POST', body, headers });
      const begun = await answer.json();
      expect([answer.status, begun]).toMatchObject([202, { id: expect.any(String) }]);
      return begun as Job;
    },
    until: async (id, state, timeoutMs = patienceMs) => {
      const over = ['succeeded', 'failed', 'cancelled'];
      await expect
        .poll(
          async () => {
            const now = await job(id);
            return now.state === state || over.includes(now.state);
          },
          { timeout: timeoutMs, interval: 200 },
        )
        .toBe(true);
      const now = await job(id);
      expect(now).toMatchObject({ state });
      return now;
    },
    close: async () => {
      for (const agent of agents) agent.kill('SIGKILL');
      await Promise.all(agents.map((agent) => agent.ended));
      await server.close({ graceMs: 0 });
      for (const database of databases) await database.drop();
      await rm(store, { recursive: true, force: true });
      await rm(`${store}-gate`, { recursive: true, force: true });
    },
  };
}

/** Stops dumps before they begin, as long as it is closed. */
export interface DumpGate {
  /** For the agents. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs the work while dumps wait; it may open the gate itself. */
  whileClosed(work: (open: () => void) => Promise<void>): Promise<void>;
  /** Waits until a dump stands before it. */
  isReached(): Promise<void>;
}

async function makeGate(store: string, tools: DumpTools): Promise<DumpGate> {
  const folder = `${store}-gate`;
  mkdirSync(folder);
  tellWatchdog(folder);
  const closed = join(folder, 'closed');
  const pgDump = `if [ -e '${closed}' ]; then
    touch "${folder}/waits-$$"
    while [ -e '${closed}' ]; do sleep 0.1; done
  fi`;
  const env = await withScripts(folder, tools, { pgDump });
  const open = () => rmSync(closed, { force: true });
  const waiting = () => readdirSync(folder).filter((name) => name.startsWith('waits-'));
  return {
    env,
    whileClosed: async (work) => {
      for (const name of waiting()) rmSync(join(folder, name));
      writeFileSync(closed, '');
      try {
        await work(open);
      } finally {
        open();
      }
    },
    isReached: async () => {
      await expect.poll(waiting, { timeout: patienceMs, interval: 100 }).not.toEqual([]);
    },
  };
}
