import { quoteLiteral } from '../postgres/session.js';
import { type Backend, errorIn, simpleQuery } from './backend.js';
import { type CarryOver, carryOverFromMemory } from './carry-over.js';
import { describeAll } from './describe-statements.js';
import { terminated } from './error-response.js';
import { backend as from, frontend, message } from './protocol.js';
import type { SessionMemory } from './session-memory.js';

/** What the server says of its session. All that it holds is text. */
interface Survey {
  readonly settings: readonly (readonly [string, string])[];
  readonly role: string;
  readonly sessionUser: string;
  readonly prepared: readonly { readonly name: string; readonly sql: string | null }[];
  readonly channels: readonly string[];
  readonly temporary: number;
  readonly locks: number;
  readonly cursors: number;
}

/**
 * Everything of a session in one query. As hexadecimal UTF-8, because the client may have chosen any encoding; every name
 * with its schema, because it may have chosen any search_path.
 */
function surveySql(customSettings: readonly string[]): string {
  // The tracker reads texts byte by byte.
  const names = customSettings.map((name) => Buffer.from(name, 'latin1').toString());
  const custom = names.map(
    (name) =>
      `UNION ALL SELECT ${asciiLiteral(name)}, pg_catalog.current_setting(${asciiLiteral(name)}, true)`,
  );
  return `SELECT pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_object(
    'settings', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(s.name, s.setting))
      FROM (SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session' ${custom.join(' ')}) s
      WHERE s.setting IS NOT NULL),
    'role', pg_catalog.current_setting('role'),
    'sessionUser', session_user,
    'prepared', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
        'name', p.name, 'sql', CASE WHEN p.from_sql THEN p.statement END))
      FROM pg_catalog.pg_prepared_statements p),
    'channels', (SELECT pg_catalog.json_agg(c) FROM pg_catalog.pg_listening_channels() c),
    'temporary', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class
      WHERE relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()),
    'locks', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks
      WHERE locktype OPERATOR(pg_catalog.=) 'advisory' AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()),
    'cursors', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_cursors WHERE is_holdable)
  )::pg_catalog.text, 'UTF8'), 'hex')`;
}

/** A text in SQL that is ASCII whatever it holds. */
function asciiLiteral(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return quoteLiteral(text);
  const hex = Buffer.from(text).toString('hex');
  return `pg_catalog.convert_from(pg_catalog.decode('${hex}', 'hex'), 'UTF8')`;
}

/** The same, of a session whose server may go away meanwhile: then, what is remembered here has to do. */
export async function takeLeave(
  backend: Backend,
  memory: SessionMemory,
  onAside: (bytes: Buffer) => void,
): Promise<CarryOver> {
  try {
    return await surveySession(backend, memory, onAside);
  } catch (error) {
    if (backend.isClosed && memory.isComplete) return carryOverFromMemory(memory);
    throw error;
  }
}

/**
 * Asks a session that is to be moved what it holds.
 *
 * @throws FatalError 57P01 with what cannot be carried over: the client gets what an administrator's end would give it
 */
async function surveySession(
  backend: Backend,
  memory: SessionMemory,
  onAside: (bytes: Buffer) => void,
): Promise<CarryOver> {
  if (!memory.wasUsed) return { requests: [], statements: new Map(), descriptions: new Map() };
  if (memory.hidesSetting) {
    throw terminated('It set a setting under a name that cannot be known, which would be lost.');
  }
  const unnamed = memory.statements.get('');
  // Before the survey, which as a simple query ends the unnamed statement.
  const ofUnnamed = await describeAll(backend, unnamed ? [''] : [], onAside);
  const survey = await askSurvey(backend, memory, onAside);
  const held = heldBack(survey);
  if (held) throw terminated(`It holds ${held}, which cannot be taken to the branch's database.`);
  const statements = new Map<string, Buffer>();
  for (const { name, sql } of survey.prepared) {
    if (sql !== null) continue;
    const parse = memory.statements.get(name);
    if (!parse) {
      throw terminated(`Its prepared statement ${JSON.stringify(name)} is not known here.`);
    }
    statements.set(name, parse);
  }
  const ofNamed = await describeAll(backend, [...statements.keys()], onAside);
  if (unnamed) statements.set('', unnamed);
  const descriptions = new Map([...ofUnnamed, ...ofNamed]);
  return { requests: requestsFor(survey, backend), statements, descriptions };
}

async function askSurvey(
  backend: Backend,
  memory: SessionMemory,
  onAside: (bytes: Buffer) => void,
): Promise<Survey> {
  const [answer] = await backend.ask(
    simpleQuery(surveySql([...memory.customSettings])),
    1,
    onAside,
  );
  const row = answer?.find(({ type }) => type === from.dataRow);
  if (!row) {
    const error = answer && errorIn(answer);
    throw terminated(`What it holds could not be asked: ${error?.message ?? 'no answer'}.`);
  }
  // One column: its count, its length, its text.
  const hex = row.body.toString('latin1', 6);
  const survey = JSON.parse(Buffer.from(hex, 'hex').toString()) as Partial<Survey>;
  return {
    ...{ role: 'none', sessionUser: '', temporary: 0, locks: 0, cursors: 0 },
    ...survey,
    // A server with nothing to list says null.
    settings: survey.settings ?? [],
    prepared: survey.prepared ?? [],
    channels: survey.channels ?? [],
  };
}

function heldBack({ temporary, locks, cursors }: Survey): string | undefined {
  if (temporary > 0) return 'temporary tables';
  if (locks > 0) return 'advisory locks';
  return cursors > 0 ? 'cursors WITH HOLD' : undefined;
}

function requestsFor(survey: Survey, backend: Backend): readonly Buffer[] {
  const requests: Buffer[] = [];
  const user = backend.address.settings.user;
  if (survey.sessionUser !== user) {
    requests.push(setSetting('session_authorization', survey.sessionUser));
  }
  // What is only there from a SET LOCAL of the application's own is empty afterwards.
  const settings = survey.settings.filter(([name, value]) => !(name.includes('.') && value === ''));
  for (const [name, value] of settings) requests.push(setSetting(name, value));
  for (const { sql } of survey.prepared)
    if (sql !== null) requests.push(repeatPrepare(sql, backend));
  for (const channel of survey.channels) {
    requests.push(inEncoding(`LISTEN "${channel.replaceAll('"', '""')}"`, backend));
  }
  if (survey.role !== 'none') requests.push(setSetting('role', survey.role));
  return requests;
}

function setSetting(name: string, value: string): Buffer {
  return simpleQuery(
    `SELECT pg_catalog.set_config(${asciiLiteral(name)}, ${asciiLiteral(value)}, false)`,
  );
}

/**
 * The server remembers the whole text that came with a PREPARE. By the extended protocol it takes one statement only, so
 * what stood behind it is never done twice.
 */
function repeatPrepare(sql: string, backend: Backend): Buffer {
  if (!/^\s*prepare\b/i.test(sql)) {
    throw terminated('A statement that it prepared by SQL came together with others.');
  }
  const parse = encoded(sql, backend);
  return Buffer.concat([
    message(frontend.parse, Buffer.from([0]), parse, Buffer.from([0, 0, 0])),
    message(frontend.bind, Buffer.alloc(8)),
    message(frontend.execute, Buffer.alloc(5)),
    message(frontend.sync),
  ]);
}

function inEncoding(sql: string, backend: Backend): Buffer {
  return message(frontend.query, encoded(sql, backend), Buffer.from([0]));
}

function encoded(sql: string, backend: Backend): Buffer {
  const encoding = backend.parameters.get('client_encoding');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the same in all of PostgreSQL's client encodings
  if (encoding !== 'UTF8' && !/^[\x00-\x7f]*$/.test(sql)) {
    throw terminated(`Its client_encoding ${encoding} is none in which its names can be repeated.`);
  }
  return Buffer.from(sql);
}
