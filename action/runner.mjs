// What all modes of the action share: inputs, the log and files of GitHub's runner, and running Belay. Needs nothing but node.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

export const usage = 2;

export const input = (name) => process.env[`BELAY_INPUT_${name}`]?.trim() ?? '';
export const say = (text) => process.stdout.write(`${text}\n`);

/** Line breaks would end a workflow command, and begin another. */
const escapeData = (text) => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
const escapeProperty = (text) => escapeData(text).replace(/:/g, '%3A').replace(/,/g, '%2C');

/** The log shows it as ***, whoever prints it. */
export function mask(text) {
  if (text) say(`::add-mask::${escapeData(text)}`);
}

/** Hides the password of a URL or a connection string: as it stands there, and as it is meant. */
export function maskPassword(target) {
  const inUrl = /^[a-z][a-z0-9+.-]*:\/\/[^\s:@/?#]*:(.*)@/i.exec(target)?.[1];
  const named = /(?:^|[\s?&])password\s*=\s*(?:'((?:\\.|[^'\\])*)'|([^\s&]*))/i.exec(target);
  for (const password of [inUrl, named?.[1] ?? named?.[2]]) {
    if (!password) continue;
    for (const form of new Set([password, decoded(password), password.replace(/\\(.)/g, '$1')])) {
      mask(form);
    }
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A mistake in the inputs, as Belay would report one. */
export const mistake = (message, hint) => ({ ok: false, error: { code: 'USAGE', message, hint } });

/** A mistake in the inputs that every mode has. */
export function findCommonMistake() {
  if (input('TARGET') === '') {
    return mistake('the input target is empty', 'Is the secret set, and may this event read it?');
  }
  if (!/^[\w.+-]*$/.test(input('VERSION'))) {
    return mistake('the input version is not a version', 'Use one like 1.2.3, or latest.');
  }
  return undefined;
}

/** The program and its first arguments. */
function findBelay() {
  const command = input('COMMAND') || process.env.BELAY_COMMAND;
  if (command) return /\.[cm]?js$/.test(command) ? [process.execPath, command] : [command];
  const own = () =>
    JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
  const version = input('VERSION') || own();
  return ['npx', '--yes', `--package=belaydb@${version}`, '--', 'belay'];
}

/** The target and the store go through the environment: arguments can be seen by every process. */
function buildEnvironment() {
  const inherited = Object.entries(process.env).filter(([name]) => !/^BELAY_INPUT_/.test(name));
  const given = {
    BELAY_URL: input('TARGET'),
    BELAY_STORE: input('STORE'),
    AWS_ENDPOINT_URL: input('ENDPOINT'),
    AWS_REGION: input('REGION'),
  };
  const set = Object.entries(given).filter(([, value]) => value !== '');
  return Object.fromEntries([...inherited, ...set]);
}

/** Runs Belay; what it says on the way goes to the log, where it must not be taken for commands to the runner. */
export function runBelay(args) {
  const [program, ...first] = findBelay();
  const pause = randomBytes(16).toString('hex');
  say(`::stop-commands::${pause}`);
  return new Promise((resolve) => {
    const chunks = [];
    const child = spawn(program, [...first, ...args], {
      env: buildEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: false,
    });
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const forward = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, forward);
    let isOver = false;
    const finish = (exitCode, failure) => {
      if (isOver) return;
      isOver = true;
      for (const signal of signals) process.off(signal, forward);
      say(`\n::${pause}::`);
      resolve(readAnswer(exitCode, failure, Buffer.concat(chunks).toString('utf8')));
    };
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => process.stdout.write(chunk));
    child.on('error', (error) => finish(6, `cannot run ${program}: ${error.message}`));
    child.on('close', (code, signal) =>
      finish(signal ? 128 + constants.signals[signal] : code, undefined),
    );
  });
}

/** What Belay answered: its one document, or why there is none. */
function readAnswer(exitCode, failure, stdout) {
  try {
    return { answer: JSON.parse(stdout) ?? {}, exitCode };
  } catch {
    const message = failure ?? `Belay ended with exit code ${exitCode} and without a result`;
    const error = { code: 'NO_RESULT', message, hint: 'See the log above.' };
    return { answer: { ok: false, error }, exitCode };
  }
}

function write(variable, text) {
  const file = process.env[variable];
  if (file) appendFileSync(file, text);
}

/** A value may hold anything: the end mark is one that nobody can foresee. */
function entry(name, value) {
  const end = `belay_${randomBytes(16).toString('hex')}`;
  return `${name}<<${end}\n${value}\n${end}\n`;
}

export const setOutput = (name, value) => write('GITHUB_OUTPUT', entry(name, value));

/** For all later steps of the job. */
export const exportVariable = (name, value) => write('GITHUB_ENV', entry(name, value));

const escapeMarkdown = (value) =>
  String(value)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/[|`*_[\]\\]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/\s+/g, ' ');

export function writeSummary(title, rows) {
  const lines = rows.map(([name, value]) => `| ${name} | ${escapeMarkdown(value)} |`);
  write('GITHUB_STEP_SUMMARY', `### ${title}\n\n| | |\n| --- | --- |\n${lines.join('\n')}\n`);
}

/** Tells the job that the step has failed, and what to do. */
export function sayError(title, { code, message, hint }, exitCode) {
  const text = [message, hint].filter(Boolean).join('\n');
  say(`::error title=${escapeProperty(`Belay: ${code}`)}::${escapeData(text)}`);
  writeSummary(title, [
    ['what', `${code}: ${message}`],
    ['next', hint ?? ''],
    ['exit code', exitCode],
  ]);
}
