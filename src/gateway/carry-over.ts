import { type Backend, errorIn, simpleQuery } from './backend.js';
import { describeAll } from './describe-statements.js';
import { terminated } from './error-response.js';
import { frontend, message } from './protocol.js';
import type { SessionMemory } from './session-memory.js';

/** What a session takes along to another server process. */
export interface CarryOver {
  /** Whole messages of the client's protocol, each answered by ReadyForQuery. */
  readonly requests: readonly Buffer[];
  /** Bodies of Parse messages by name; the unnamed one is "". */
  readonly statements: ReadonlyMap<string, Buffer>;
  /** What the old server said of those statements; undefined: it could not be asked. */
  readonly descriptions: ReadonlyMap<string, string> | undefined;
}

/** What is known of a session whose server is gone: its own words, said again. */
export function carryOverFromMemory(memory: SessionMemory): CarryOver {
  return {
    // Byte by byte as they came: see the tracker.
    requests: memory.replays.map((sql) =>
      message(frontend.query, Buffer.from(sql, 'latin1'), Buffer.from([0])),
    ),
    statements: memory.statements,
    descriptions: undefined,
  };
}

/**
 * Makes a new session like the old one was, or ends it.
 * @throws FatalError 57P01 with what the new database does not have
 */
export async function carryOver(
  backend: Backend,
  carried: CarryOver,
  onAside: (bytes: Buffer) => void,
): Promise<void> {
  try {
    await repeat(backend, carried, onAside);
  } catch (error) {
    backend.end();
    throw error;
  }
}

async function repeat(
  backend: Backend,
  carried: CarryOver,
  onAside: (bytes: Buffer) => void,
): Promise<void> {
  if (carried.requests.length > 0) {
    const answers = await backend.ask(
      Buffer.concat(carried.requests),
      carried.requests.length,
      onAside,
    );
    const refused = answers.map(errorIn).find((error) => error !== undefined);
    if (refused) {
      throw terminated(
        `What was set in it does not hold in the branch's database: ${refused.message}.`,
      );
    }
  }
  const unnamed = carried.statements.get('');
  const named = [...carried.statements].filter(([name]) => name !== '');
  const parsed = await backend.ask(...parseAll(named.map(([, parse]) => parse)), onAside);
  const refused = parsed.map(errorIn).find((error) => error !== undefined);
  if (refused) {
    throw terminated(
      `A statement that it prepared fails in the branch's database: ${refused.message}.`,
    );
  }
  const before = carried.descriptions;
  const now = await describeAll(backend, before ? named.map(([name]) => name) : [], onAside);
  for (const [name, description] of now) {
    if (before?.get(name) === description) continue;
    throw terminated(
      `Its prepared statement ${JSON.stringify(name)} gives other columns in the branch's database.`,
    );
  }
  if (unnamed) await repeatUnnamed(backend, unnamed, before?.get(''), onAside);
}

/** If it fails here or gives something else, it is not there: its owner prepares it again, as a rule each time. */
async function repeatUnnamed(
  backend: Backend,
  parse: Buffer,
  before: string | undefined,
  onAside: (bytes: Buffer) => void,
): Promise<void> {
  await backend.ask(...parseAll([parse]), onAside);
  const now = await describeAll(backend, [''], onAside);
  if (before !== undefined && now.get('') !== before)
    await backend.ask(simpleQuery(''), 1, onAside);
}

function parseAll(parses: readonly Buffer[]): [Buffer, number] {
  const messages = parses.map((parse) =>
    Buffer.concat([message(frontend.parse, parse), message(frontend.sync)]),
  );
  return [Buffer.concat(messages), messages.length];
}
