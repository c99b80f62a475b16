import type { Backend } from './backend.js';
import type { Message } from './message-inbox.js';
import { cString, backend as from, frontend, message, readCString } from './protocol.js';

/** Parameters and columns of prepared statements: drivers keep them, and read rows by what they kept. */
export async function describeAll(
  backend: Backend,
  names: readonly string[],
  onAside: (bytes: Buffer) => void,
): Promise<ReadonlyMap<string, string>> {
  const question = names.map((name) =>
    Buffer.concat([
      message(frontend.describe, Buffer.from('S'), cString(name)),
      message(frontend.sync),
    ]),
  );
  const answers = await backend.ask(Buffer.concat(question), names.length, onAside);
  return new Map(names.map((name, at) => [name, describe(answers[at] ?? [])]));
}

function describe(answer: readonly Message[]): string {
  return answer
    .map(({ type, body }) =>
      type === from.rowDescription ? columnsOf(body) : `${type}:${body.toString('hex')}`,
    )
    .join(' ');
}

/** Names, types and formats; not the numbers of the tables, which differ from copy to copy of a schema. */
function columnsOf(body: Buffer): string {
  const columns: string[] = [];
  let at = 2;
  while (at < body.length) {
    const name = readCString(body, at);
    if (!name) break;
    const rest = name.next + 6;
    columns.push(`${name.text}:${body.toString('hex', rest, rest + 12)}`);
    at = rest + 12;
  }
  return columns.join(',');
}
