// What `npm test`, `npm run test:faults` and `npm run test:safety` run, from a fresh clone with nothing but Node: installs and
// builds what is missing or stale, runs vitest, and ends with the line "N passed, N failed".
//
//   node scripts/test.mjs [arguments for vitest]          unit and integration tests, and a few rounds of faults
//   node scripts/test.mjs faults [arguments for vitest]   the fault suite: many rounds, every fault of archives and stores, and what is slow
//   node scripts/test.mjs rehearsal [arguments for vitest]   rehearsals of other tools' migrations, and shadow databases under load
//   node scripts/test.mjs branches [arguments for vitest]   branches, gateway, git hooks and test databases
//   node scripts/test.mjs server [arguments for vitest]   the HTTP server, its page in a browser, agents and assistants
//   node scripts/test.mjs safety [arguments for vitest]   what migrations do to data: plans tried for real, record backups, data rollbacks
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { prepare, root } from './prepare.mjs';

const at = (...names) => path.join(root, ...names);
/** Of random faults, and of random tables that lose something. */
const rounds = { faults: '200', safety: '3', rehearsal: '12', branches: '3', server: '30' };
const integration = (name) => `test/integration/${name}.test.ts`;
/** Minutes of killing, hanging, damaging and contending, and what computes long: they run with the faults. */
const faultFiles = [
  ...[
    'archive-damage',
    'archive-disk',
    'archive-kill',
    'archive-lock',
    'archive-s3',
    'history-s3',
  ].map((name) => `test/faults/${name}.test.ts`),
  ...[
    'archive/busy',
    'archive/databases',
    'archive/drill',
    'archive/files',
    'archive/processes',
    'archive/retention',
    'archive/rights',
    'archive/timeline',
    'migration-tools/story',
    'property',
    'repair',
    'replication',
    'rollback/other-tools',
    'schema/reading',
    'schema-model',
    'schema-sql/cases',
    'schema-sql/property',
    'schema-sql/real-world',
    'sessions',
    'snapshot/fidelity-contents',
    'snapshot/fidelity-properties',
    'snapshot/tampered',
    'store/s3-faults',
    'table/archive',
    'table/busy',
    'table/kinds',
    'table/replace',
    'throwaway-cluster',
    'write-evidence',
  ].map(integration),
  ...['archive', 'names', 'run'].map((name) => `test/cli/${name}.test.ts`),
];
/** Hundreds of statements that are planned, tried for real and taken back, on each server. */
const safetyFiles = [
  ...[
    'archive/partial',
    'archive/partial-care',
    'impact/alter-table',
    'impact/catalog',
    'impact/drops',
    'impact/input-declarative',
    'impact/linters',
    'impact/locks',
    'impact/measure-conversions',
    'impact/measure-dml',
    'impact/measure-impacts',
    'impact/safer-ways',
    'impact-suite/suite',
    'impact-suite/tried',
    'migration/backup',
    'record-backup/faults',
    'record-backup/guard',
    'record-backup/keep',
    'record-backup/keep-rows',
    'record-backup/property',
    'record-backup/storage',
    'record-backup/types',
    'rollback/rollback',
    'rollback-data/columns',
    'rollback-data/conversions',
    'rollback-data/kill',
    'rollback-data/property',
    'rollback-data/restored',
    'rollback-data/rows',
    'rollback-data/values',
    'table/partitioned',
  ].map(integration),
];
/** Migrations of other tools on copies, and shadows under load: folders. */
const rehearsalFiles = ['test/integration/rehearsal', 'test/integration/shadow'];
/** Branches, the gateway with its clients, git hooks and test databases: folders. */
const branchFiles = [
  ...['branch', 'gateway', 'git', 'testing'].map((name) => `test/integration/${name}`),
  integration('action-branch'),
];
/** The server with real clients, a browser among them: folders. */
const serverFiles = ['test/server', 'test/browser'];
/** By the first argument; without one all that is in none. */
const suites = {
  faults: ['test/faults', ...faultFiles],
  safety: safetyFiles,
  rehearsal: rehearsalFiles,
  branches: branchFiles,
  server: serverFiles,
};
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** How long a program may take to end when asked. */
const graceMs = 15_000;

/** The program that runs now; it gets the signals that this one gets. */
let running;
let interruptedBy;
for (const signal of signals) process.on(signal, () => interrupt(signal));
// npm passes a signal to a shell, which does not pass it on: the shell's end is then all there is to see.
const shell = process.ppid;
if (process.env.npm_lifecycle_event) {
  setInterval(() => process.ppid === shell || interrupt('SIGTERM'), 1_000).unref();
}

function interrupt(signal) {
  if (interruptedBy) return;
  interruptedBy = signal;
  if (!running) exitAfterSignal();
  running.kill(signal);
  setTimeout(killGroup, graceMs, running).unref();
}

/** Also what a program has started and left. (Windows has no groups; there only the program itself.) */
function killGroup(child) {
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function exitAfterSignal() {
  say(`Interrupted by ${interruptedBy}.`);
  process.exit(128 + os.constants.signals[interruptedBy]);
}

/** A failure before any test has run is one failure, in the same last line. */
function giveUp(message) {
  say(message);
  console.log('0 passed, 1 failed');
  process.exit(1);
}

/** Runs vitest to its end. */
async function runVitest(args, env, onError) {
  const exitCode = await new Promise((resolve) => {
    // A group of its own, so that workers which outlive it can be ended too.
    const detached = process.platform !== 'win32';
    const stdio = ['ignore', 'inherit', 'pipe'];
    running = spawn(process.execPath, args, { cwd: root, detached, env, stdio });
    running.on('error', (error) => giveUp(`vitest cannot be run: ${error.message}`));
    running.stderr.on('data', onError);
    running.on('exit', () => interruptedBy && killGroup(running));
    running.on('close', (code) => resolve(code ?? 1));
  });
  running = undefined;
  if (interruptedBy) exitAfterSignal();
  return exitCode;
}

function checkNode() {
  const { engines } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
  const numbers = (text) => text.match(/\d+/g).map(Number);
  const [major, minor] = numbers(process.versions.node);
  const [oldestMajor, oldestMinor = 0] = numbers(engines.node);
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  if (!isNewEnough) giveUp(`Node ${engines.node} is needed; this is ${process.versions.node}.`);
}

function installAndBuild() {
  try {
    prepare(say);
  } catch (error) {
    giveUp(error.message);
  }
}

/** What the tests' set-up says about servers that are not there, to be said again at the end. */
function collectSkippedServers() {
  let text = '';
  return {
    onError: (chunk) => {
      process.stderr.write(chunk);
      text += chunk;
    },
    lines: () => text.match(/^SKIPPED: .*(?:\n {2}.*)*/gm) ?? [],
  };
}

function readSummary(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // Vitest ended before the end of the run: it has said why.
    return { passed: 0, failed: 0, skipped: [], outside: 0, failures: [] };
  }
}

const exclude = (file) => `--exclude=${file.endsWith('.ts') ? file : `${file}/**`}`;

function vitestArguments(suite, more) {
  const projects = suite ? ['integration'] : ['unit', 'integration'];
  const hasProject = more.some((arg) => arg.startsWith('--project'));
  const hasFilter = more.some((arg) => !arg.startsWith('-'));
  return [
    ...[at('node_modules', 'vitest', 'vitest.mjs'), 'run'],
    ...(hasProject ? [] : projects.map((name) => `--project=${name}`)),
    ...['--reporter=default', `--reporter=${at('scripts', 'test-summary.mjs')}`],
    // A filter by path, unless the caller has one of their own.
    ...(hasFilter
      ? []
      : (suites[suite] ??
        [...faultFiles, ...safetyFiles, ...rehearsalFiles, ...branchFiles, ...serverFiles].map(
          exclude,
        ))),
    ...more,
  ];
}

/** So many files at most are tried again: more is no coincidence. */
const filesTriedAgain = 3;

/**
 * With BELAY_TEST_AGAIN=1, for machines where nobody can look: the files of tests that failed are run once more, alone, to say
 * whether they fail then too. What has failed has failed: the second run changes neither the counts nor the exit code.
 */
async function runAndExplain(suite, more) {
  const run = await runTests(suite, more);
  const files = [...new Set(run.failures.map(({ file }) => file))];
  const isWanted = process.env.BELAY_TEST_AGAIN === '1' && files.length <= filesTriedAgain;
  if (!isWanted || files.length === 0) return run;
  const project = files.every((file) => file.startsWith(at('test', 'unit')))
    ? 'unit'
    : 'integration';
  const again = await runTests(suite, [`--project=${project}`, ...files]);
  const stillFailed = new Set(again.failures.map(({ name }) => name));
  const explain = ({ name, error }) =>
    `${error}; run again alone, it ${again.passed > 0 && !stillFailed.has(name) ? 'passes' : 'fails'}`;
  return { ...run, failures: run.failures.map((one) => ({ ...one, error: explain(one) })) };
}

async function runTests(suite, more) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'belay-test-run-'));
  const summaryFile = path.join(folder, 'summary.json');
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const env = { ...process.env, BELAY_TEST_SUMMARY: summaryFile };
  if (suite) env.BELAY_FAULT_ROUNDS ||= rounds[suite];
  const { onError, lines } = collectSkippedServers();
  const exitCode = await runVitest(vitestArguments(suite, more), env, onError);
  return { ...readSummary(summaryFile), exitCode, skippedServers: lines() };
}

function report(run) {
  const { passed, failed, skipped, skippedServers, exitCode, failures } = run;
  for (const line of skippedServers) console.log(line);
  for (const { name, reason } of skipped) {
    console.log(`SKIPPED: ${name}: ${reason ?? 'no reason given'}`);
  }
  for (const { name, error } of failures) console.log(`FAILED: ${name}: ${error}`);
  // Vitest fails a run for more than its tests, and a run of nothing has shown nothing.
  const isFailure = exitCode !== 0 || failed > 0 || passed === 0;
  const count = isFailure ? Math.max(failed, 1) : 0;
  if (count > failed) say('The run failed outside of the tests, or no test has run: see above.');
  console.log(`${passed} passed, ${count} failed`);
  process.exitCode = isFailure ? exitCode || 1 : 0;
}

checkNode();
installAndBuild();
const [first, ...rest] = process.argv.slice(2);
const suite = Object.hasOwn(suites, first ?? '') ? first : undefined;
report(await runAndExplain(suite, suite ? rest : process.argv.slice(2)));
