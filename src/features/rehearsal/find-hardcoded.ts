import path from 'node:path';
import { findUrls, standardAddress } from '../../domain/isolation-address.js';
import {
  findNamedDatabases,
  overridesEnvironment,
  readsEnvFile,
} from '../../domain/isolation-arguments.js';
import {
  findLiteralAddresses,
  findLiteralDatabases,
  findOverrides,
  type LiteralAddress,
} from '../../domain/isolation-hardcoded.js';
import { isDatabaseVariable } from '../../domain/isolation-variables.js';
import { redactUrl } from '../../postgres/settings.js';
import { type ProjectText, readProjectTexts } from './hardcoded-files.js';
import { readProjectValues } from './project-variables.js';
import type { DatabasePlace } from './redirect-environment.js';
import { type TargetMatcher, targetMatcher } from './same-database.js';

export interface HardcodedSearch {
  readonly cwd: string;
  readonly command: readonly [string, ...string[]];
  readonly target: DatabasePlace;
  /** The environment that the command gets: what only stands in for a variable that is set there is not used. */
  readonly env: NodeJS.ProcessEnv;
}

/** An address of the target that a command would use whatever its environment says. */
export interface HardcodedAddress {
  /** Relative to cwd; null: it stands in the command itself. */
  readonly file: string | null;
  readonly line: number | null;
  /** What stands there, without passwords. */
  readonly what: string;
}

interface Search extends HardcodedSearch {
  readonly matcher: TargetMatcher;
  /** An `.env` file has an address of the target: harmless as long as the environment wins over it. */
  readonly isInEnvFiles: boolean;
}

/**
 * Looks for addresses of the target in the command's arguments, the files that it names, the scripts of package.json
 * that it runs, and the project's settings. What a program computes, and what is deeper in its code, is not found.
 */
export async function findHardcoded(input: HardcodedSearch): Promise<HardcodedAddress[]> {
  const { cwd, command, target, env } = input;
  const matcher = targetMatcher(target, { cwd, env });
  const search = { ...input, matcher, isInEnvFiles: await areInEnvFiles(input, matcher) };
  const found: HardcodedAddress[] = [];
  for (const text of await readProjectTexts(cwd, command)) {
    found.push(...(text.words ? await inWords(search, text) : await inFile(search, text)));
  }
  found.push(...(await serviceInEnvFiles(search)));
  const unique = new Map(found.map((one) => [JSON.stringify(one), one]));
  return [...unique.values()];
}

async function areInEnvFiles(
  { cwd, env, target }: HardcodedSearch,
  matcher: TargetMatcher,
): Promise<boolean> {
  for (const { name, value, file } of await readProjectValues(cwd, env)) {
    if (file === null) continue;
    if (value === target.database && isDatabaseVariable(name)) return true;
    if (await matcher.match(value)) return true;
  }
  return false;
}

async function inWords(
  search: Search,
  { file, line, text, words }: ProjectText,
): Promise<HardcodedAddress[]> {
  const { matcher, target } = search;
  const place = { file, line: file === null ? null : line };
  const found: HardcodedAddress[] = [];
  const list = words ?? [];
  for (const word of list) {
    const addresses = [word, afterEquals(word), ...findUrls(word).map(({ url }) => url)];
    for (const address of new Set(addresses)) {
      if (standardAddress(address) === null || !(await matcher.match(address))) continue;
      found.push({ ...place, what: shown(address) });
    }
    const service = /^PGSERVICE=(.+)$/s.exec(word)?.[1];
    if (service && (await matcher.matchVariables({ ...search.env, PGSERVICE: service }))) {
      found.push({ ...place, what: `PGSERVICE=${service}` });
    }
  }
  for (const { what, host, port } of findNamedDatabases(list, target.database)) {
    if (host === null || (await matcher.isServer(host, port ?? undefined))) {
      found.push({ ...place, what: shown(what) });
    }
  }
  if (search.isInEnvFiles && (overridesEnvironment(list) || readsEnvFile(text))) {
    found.push({
      ...place,
      what: 'values of .env files, which it puts over those of its environment',
    });
  }
  return found;
}

const afterEquals = (word: string) => word.slice(word.indexOf('=') + 1);

async function inFile(search: Search, { file, text }: ProjectText): Promise<HardcodedAddress[]> {
  const { matcher, target } = search;
  const found: HardcodedAddress[] = [];
  const isTarget = ({ address, host, port }: LiteralAddress) => {
    if (address !== null) return matcher.match(address);
    return host === null ? true : matcher.isServer(host, port ?? undefined);
  };
  for (const literal of [
    ...findLiteralAddresses(text),
    ...findLiteralDatabases(text, target.database),
  ]) {
    const isUsed = !literal.insteadOf.some((name) => search.env[name]);
    if (isUsed && (await isTarget(literal))) {
      found.push({ file, line: literal.line, what: shown(literal.text) });
    }
  }
  if (!search.isInEnvFiles) return found;
  for (const line of findOverrides(text))
    found.push({ file, line, what: 'override: true of dotenv' });
  if (isShellScript(file, text) && readsEnvFile(text)) {
    found.push({
      file,
      line: null,
      what: 'values of .env files, which it puts over those of its environment',
    });
  }
  return found;
}

const isShellScript = (file: string | null, text: string) =>
  /\.(?:sh|bash|zsh)$/.test(file ?? '') || /^#!.*\b(?:ba|z|da|k)?sh\b/.test(text);

/** A service wins over the variables that lead to the copy, and an unset one cannot be set to nothing. */
async function serviceInEnvFiles({ cwd, env, matcher }: Search): Promise<HardcodedAddress[]> {
  const found: HardcodedAddress[] = [];
  for (const { name, value, file } of await readProjectValues(cwd, env)) {
    if (file === null || name !== 'PGSERVICE') continue;
    const settings = await matcher.matchVariables({ ...env, PGSERVICE: value });
    if (settings)
      found.push({ file: path.normalize(file), line: null, what: `PGSERVICE=${value}` });
  }
  return found;
}

/** For an error message: one line, and no secrets. */
const shown = (text: string): string =>
  redactUrl(text)
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, 160);
