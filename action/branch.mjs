// Modes "branch" and "branch-delete": a database for a pull request, and its end.
import { readFileSync } from 'node:fs';
import {
  exportVariable,
  findCommonMistake,
  input,
  mask,
  maskPassword,
  mistake,
  runBelay,
  say,
  sayError,
  setOutput,
  usage,
  writeSummary,
} from './runner.mjs';

const actions = ['reuse', 'reset', 'fail'];
const isolations = ['', 'database', 'schema', 'cluster'];
/** A call that Belay has answered with success, and yet not with what was asked for. */
const noBranch = 1;

/** The number of the pull request, also of one that is closed: then the ref may be another one's. */
function pullRequestNumber() {
  try {
    const event = JSON.parse(readFileSync(process.env.GITHUB_EVENT_PATH ?? '', 'utf8'));
    const number = event.pull_request?.number;
    if (Number.isInteger(number)) return number;
  } catch {
    // No event file: then the ref tells.
  }
  return /^refs\/pull\/(\d+)\//.exec(process.env.GITHUB_REF ?? '')?.[1];
}

/** The same in every run for a pull request, and for a push to a git branch. */
function defaultName() {
  const number = pullRequestNumber();
  return number === undefined ? (process.env.GITHUB_REF_NAME ?? '') : `pr-${number}`;
}

function findMistake(name) {
  const common = findCommonMistake();
  if (common) return common;
  if (name === '') {
    return mistake(
      'the input name is empty',
      'This event has no pull request and no ref: name the branch.',
    );
  }
  if (!actions.includes(input('IF_EXISTS') || 'reuse')) {
    return mistake(`the input if-exists is ${input('IF_EXISTS')}`, 'Use reuse, reset or fail.');
  }
  if (!isolations.includes(input('ISOLATION'))) {
    return mistake(
      `the input isolation is ${input('ISOLATION')}`,
      'Use database, schema or cluster.',
    );
  }
  if (!/^[A-Za-z_]\w*$/.test(variable())) {
    return mistake(`the input variable is ${variable()}`, 'Use a name like DATABASE_URL.');
  }
  return undefined;
}

const variable = () => input('VARIABLE') || 'DATABASE_URL';

/** `--name=value`, so that no value can be taken for an option; left out where it is empty. */
const option = (name, value) => (value === '' ? [] : [`--${name}=${value}`]);

function createArguments(name) {
  return [
    ...['branch', 'create', '--json', '--purpose=ci'],
    ...option('if-exists', input('IF_EXISTS') || 'reuse'),
    ...option('ttl', input('TTL')),
    ...option('from', input('FROM')),
    ...option('isolation', input('ISOLATION')),
    ...['--', name],
  ];
}

export async function createBranch() {
  const name = input('NAME') || defaultName();
  const problem = findMistake(name);
  if (problem) return fail(problem, usage);
  const { answer, exitCode } = await runBelay(createArguments(name));
  const isMade = exitCode === 0 && answer.ok !== false && typeof answer.url === 'string';
  if (!isMade) return fail(answer, exitCode || noBranch);
  // Before anything else is written: a later step may print its environment.
  mask(answer.url);
  maskPassword(answer.url);
  const { url, database = '', expiresAt } = answer;
  const values = { url, database, name, expires_at: expiresAt ?? '', created: answer.created };
  for (const [key, value] of Object.entries(values)) setOutput(key, value ?? '');
  exportVariable(variable(), url);
  const what = answer.created === false ? 'was there already' : 'was made';
  writeSummary(`Branch ${name}`, [
    ['database', database],
    ['', what],
    ['expires', expiresAt ?? 'never'],
  ]);
  say(`branch ${name} ${what}: database ${database}, its URL is in ${variable()}`);
  return 0;
}

export async function deleteBranch() {
  const name = input('NAME') || defaultName();
  const problem = findMistake(name);
  if (problem) return fail(problem, usage);
  // A job that was cancelled may have left sessions, and nobody works on a pull request that is closed.
  const { answer, exitCode } = await runBelay([
    ...['branch', 'delete', '--json', '--yes', '--if-exists', '--sessions=terminate', '--', name],
  ]);
  if (exitCode !== 0) return fail(answer, exitCode);
  const database = answer.database ?? '';
  setOutput('name', name);
  setOutput('database', database);
  say(database === '' ? `branch ${name} was gone already` : `branch ${name} is removed`);
  return 0;
}

function fail(answer, exitCode) {
  const { code = 'NO_RESULT', message = 'Belay gave no branch', hint } = answer.error ?? {};
  sayError('Branch: failed', { code, message, hint }, exitCode);
  return exitCode;
}
