// The one step of the action: runs `belay checkpoint` and tells the job what came of it. It needs nothing but node, and
// exits 0 only for a checkpoint that Belay calls proven.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';

const notProven = 7;
const usage = 2;

const input = (name) => process.env[`BELAY_INPUT_${name}`]?.trim() ?? '';
const say = (text) => process.stdout.write(`${text}\n`);

/** Line breaks would end a workflow command, and begin another. */
const escapeData = (text) => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
const escapeProperty = (text) => escapeData(text).replace(/:/g, '%3A').replace(/,/g, '%2C');

/** The log hides the password, whoever prints it: as it stands in the URL, and as it is meant. */
function maskPassword(target) {
  const inUrl = /^[a-z][a-z0-9+.-]*:\/\/[^\s:@/?#]*:(.*)@/i.exec(target)?.[1];
  const named = /(?:^|[\s?&])password\s*=\s*(?:'((?:\\.|[^'\\])*)'|([^\s&]*))/i.exec(target);
  for (const password of [inUrl, named?.[1] ?? named?.[2]]) {
    if (!password) continue;
    for (const form of new Set([password, decoded(password), password.replace(/\\(.)/g, '$1')])) {
      say(`::add-mask::${escapeData(form)}`);
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
const mistake = (message, hint) => ({ ok: false, error: { code: 'USAGE', message, hint } });

function findMistake() {
  if (input('TARGET') === '') {
    return mistake('the input target is empty', 'Is the secret set, and may this event read it?');
  }
  if (input('STORE') === '' && !process.env.BELAY_STORE) {
    const hint = 'Set it to s3://bucket/prefix: what is on the runner itself is gone with the job.';
    return mistake('the input store is empty', hint);
  }
  if (!['counts', 'deep', 'readback'].includes(input('DRILL') || 'counts')) {
    return mistake(`the input drill is ${input('DRILL')}`, 'Use counts, deep or readback.');
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

function buildArguments(tag) {
  const recipients = input('ENCRYPT_TO')
    .split(/[\s,]+/)
    .filter(Boolean);
  return [
    ...['checkpoint', '--json', `--tag=${tag}`, `--drill=${input('DRILL') || 'counts'}`],
    ...recipients.map((recipient) => `--encrypt-to=${recipient}`),
    ...(input('LOCK_DAYS') ? [`--lock-days=${input('LOCK_DAYS')}`] : []),
  ];
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
function runBelay(tag) {
  const [program, ...first] = findBelay();
  const pause = randomBytes(16).toString('hex');
  say(`::stop-commands::${pause}`);
  return new Promise((resolve) => {
    const chunks = [];
    const child = spawn(program, [...first, ...buildArguments(tag)], {
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
      resolve({ exitCode, failure, stdout: Buffer.concat(chunks).toString('utf8') });
    };
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => process.stdout.write(chunk));
    child.on('error', (error) => finish(6, `cannot run ${program}: ${error.message}`));
    child.on('close', (code, signal) =>
      finish(signal ? 128 + constants.signals[signal] : code, undefined),
    );
  });
}

/** What Belay answered. Anything that is not clearly a proven checkpoint is none. */
function readAnswer({ exitCode, stdout, failure }) {
  let answer;
  try {
    answer = JSON.parse(stdout);
  } catch {
    const message = failure ?? `Belay ended with exit code ${exitCode} and without a result`;
    answer = { ok: false, error: { code: 'NO_RESULT', message, hint: 'See the log above.' } };
  }
  const isProven = exitCode === 0 && answer?.ok === true && answer.restore_drill === 'proven';
  return { answer: answer ?? {}, isProven, exitCode: isProven ? 0 : exitCode || notProven };
}

function write(variable, text) {
  const file = process.env[variable];
  if (file) appendFileSync(file, text);
}

/** A value may hold anything: the end mark is one that nobody can foresee. */
function setOutput(name, value) {
  const end = `belay_${randomBytes(16).toString('hex')}`;
  write('GITHUB_OUTPUT', `${name}<<${end}\n${value}\n${end}\n`);
}

const escapeMarkdown = (value) =>
  String(value)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/[|`*_[\]\\]/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/\s+/g, ' ');

function writeSummary(title, rows) {
  const lines = rows.map(([name, value]) => `| ${name} | ${escapeMarkdown(value)} |`);
  write('GITHUB_STEP_SUMMARY', `### ${title}\n\n| | |\n| --- | --- |\n${lines.join('\n')}\n`);
}

function reportProven(answer) {
  const { tag, size, sizeBytes, sha256, restore_drill: drill, rows, tables, ledger } = answer;
  const contents = `${tables} table${tables === 1 ? '' : 's'}, ${rows} row${rows === 1 ? '' : 's'}`;
  const values = { tag, size, size_bytes: sizeBytes, sha256, ledger_head: ledger?.sha256 ?? '' };
  for (const [name, value] of Object.entries(values)) setOutput(name, value);
  setOutput('restore_drill', drill);
  writeSummary('Checkpoint: proven', [
    ['tag', tag],
    ['contents', contents],
    ['size', size],
    ['SHA-256', sha256],
    ...(ledger ? [['ledger head', `${ledger.number} ${ledger.sha256}`]] : []),
  ]);
  say(`checkpoint ${tag} is proven: ${contents}, ${size}`);
  if (ledger) say(`ledger head: ${ledger.number} ${ledger.sha256}`);
}

function reportFailure(answer, exitCode) {
  const drill = answer.restore_drill === 'failed' ? 'failed' : 'not-run';
  setOutput('restore_drill', drill);
  const differences = (answer.differences ?? []).map(
    ({ what, name, expected, actual }) => `${what} ${name}: ${actual} instead of ${expected}`,
  );
  const {
    code = 'NOT_PROVEN',
    message = 'the checkpoint is not proven: the restored archive is not what was dumped',
    hint = differences.slice(0, 10).join('\n'),
  } = answer.error ?? {};
  const text = [message, hint].filter(Boolean).join('\n');
  say(`::error title=${escapeProperty(`Belay: ${code}`)}::${escapeData(text)}`);
  writeSummary('Checkpoint: NOT proven', [
    ['what', `${code}: ${message}`],
    ['next', hint ?? ''],
    ['exit code', exitCode],
  ]);
}

/** The default tag of a commit that was deployed, or tried, before. */
const isTaken = (tag, { answer }) =>
  answer.error?.code === 'TAG_EXISTS' && tag === `pre-deploy-${process.env.GITHUB_SHA}`;

async function main() {
  maskPassword(input('TARGET'));
  const problem = findMistake();
  if (problem) {
    reportFailure(problem, usage);
    return usage;
  }
  const tag = input('TAG') || `pre-deploy-${process.env.GITHUB_SHA}`;
  let result = readAnswer(await runBelay(tag));
  if (isTaken(tag, result)) {
    const { GITHUB_RUN_ID: run, GITHUB_RUN_ATTEMPT: attempt } = process.env;
    const another = `${tag}-${run}-${attempt}`;
    say(`${tag} exists already: this one is ${another}`);
    result = readAnswer(await runBelay(another));
  }
  if (result.isProven) reportProven(result.answer);
  else reportFailure(result.answer, result.exitCode);
  return result.exitCode;
}

process.exitCode = await main();
