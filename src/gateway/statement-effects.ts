/**
 * What the text of a request may leave behind in its session. It decides two things: whether a session whose server went
 * away while it was idle can be continued on a new one without its client's noticing, and which settings a move has to ask
 * for by name. It may see more than there is, which costs a client a reconnect, but never less: what it does not
 * understand is "unclear".
 */
export interface StatementEffects {
  /** Something may stay in the session that cannot be made again from the text alone. */
  readonly isUnclear: boolean;
  /** One statement on its own that sets, resets or listens: done again, it has the same effect. */
  readonly replay: { readonly key: string; readonly sql: string } | undefined;
  /** Takes back what earlier ones with these keys did; "*": all of them. */
  readonly forgets: string | undefined;
  /** Settings of the application ("app.tenant"): the server lists them nowhere. */
  readonly customSettings: readonly string[];
  /** Sets a setting whose name is computed. */
  readonly hidesSetting: boolean;
}

export const noEffects: StatementEffects = {
  isUnclear: false,
  replay: undefined,
  forgets: undefined,
  customSettings: [],
  hidesSetting: false,
};

/**
 * Words without which no statement leaves anything in its session, as far as the text shows it. The usual SELECT, INSERT,
 * UPDATE, DELETE, BEGIN and COMMIT hold none of them; an UPDATE has its SET, which is told apart below.
 */
const suspicious =
  /\b(?:set|reset|set_config|listen|unlisten|prepare|deallocate|discard|declare|temp|temporary|load|do|call)\b|advisory|pg_temp|dblink|setseed|lo_|\bexecute\b/i;

const name = String.raw`"(?:[^"]|"")+"|[a-z_][\w$]*`;
const settingName = String.raw`(?:${name})(?:\.(?:${name}))*`;
/** A value that ends with the statement: no semicolon outside of quotes, no comment. */
const plainValue = String.raw`(?:'(?:[^'\\]|'')*'|"(?:[^"]|"")*"|[^;'"$\\-]|-(?!-))+`;

const setStatement = new RegExp(
  String.raw`^\s*set\s+(?:session\s+)?(?!(?:local|transaction|constraints|session|role|authorization|characteristics)\b)(time\s+zone|names|${settingName})\s*(?:=|\bto\b|\s)\s*${plainValue};?\s*$`,
  'i',
);
const resetStatement = new RegExp(String.raw`^\s*reset\s+(${settingName})\s*;?\s*$`, 'i');
const listenStatement = new RegExp(String.raw`^\s*listen\s+(${name})\s*;?\s*$`, 'i');
const unlistenStatement = new RegExp(String.raw`^\s*unlisten\s+(\*|${name})\s*;?\s*$`, 'i');
const discardAll = /^\s*discard\s+all\s*;?\s*$/i;
/** UPDATE … SET and ON CONFLICT DO UPDATE SET, where SET is no command; functions and DO do not get through. */
const onlyUpdates =
  /^\s*(?:update\b|insert\b|with\b|merge\b)(?!.*(?:set_config|advisory|pg_temp|dblink|setseed|\blo_|;\s*\S))/is;

/** Looks at the text of one request, which may hold several statements. */
export function effectsOf(sql: string): StatementEffects {
  if (!suspicious.test(sql) || onlyUpdates.test(sql)) return noEffects;
  return simpleEffects(sql) ?? unclearEffects(sql);
}

/** A statement on its own whose effect is known whole. */
function simpleEffects(sql: string): StatementEffects | undefined {
  const set = setStatement.exec(sql);
  if (set) {
    const key = settingKey(set[1] as string);
    return { ...noEffects, replay: { key, sql }, customSettings: key.includes('.') ? [key] : [] };
  }
  const listen = listenStatement.exec(sql);
  if (listen) return { ...noEffects, replay: { key: channelKey(listen[1] as string), sql } };
  const unlisten = unlistenStatement.exec(sql);
  if (unlisten) {
    const channel = unlisten[1] as string;
    return { ...noEffects, forgets: channel === '*' ? 'listen:*' : channelKey(channel) };
  }
  const reset = resetStatement.exec(sql);
  if (reset) {
    const key = settingKey(reset[1] as string);
    return { ...noEffects, forgets: key === 'all' ? 'set:*' : key };
  }
  if (discardAll.test(sql)) return { ...noEffects, forgets: '*' };
  return undefined;
}

/** Of ASCII alone: the text may be bytes of an encoding that is not known here. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function settingKey(text: string): string {
  const key = lowerCase(text.replaceAll('"', '')).replace(/\s+/g, ' ');
  if (key === 'time zone') return 'timezone';
  return key === 'names' ? 'client_encoding' : key;
}

function channelKey(text: string): string {
  return `listen:${text.startsWith('"') ? text : lowerCase(text)}`;
}

function unclearEffects(sql: string): StatementEffects {
  const names = new Set<string>();
  for (const match of sql.matchAll(
    /\bset\s+(?:session\s+|local\s+)?((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))*)/gi,
  )) {
    const key = settingKey(match[1] as string);
    if (key.includes('.')) names.add(key);
  }
  let hidesSetting = false;
  for (const [, literal] of sql.matchAll(/\bset_config\s*\(\s*(?:'((?:[^'\\]|'')+)'\s*,)?/gi)) {
    if (literal === undefined) hidesSetting = true;
    else if (literal.includes('.')) names.add(lowerCase(literal));
  }
  return { ...noEffects, isUnclear: true, customSettings: [...names], hidesSetting };
}
