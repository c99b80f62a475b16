// Mode "checkpoint": runs `belay checkpoint` and tells the job what came of it. Gives 0 only for a checkpoint that Belay
// calls proven.
import {
  findCommonMistake,
  input,
  mistake,
  runBelay,
  say,
  sayError,
  setOutput,
  usage,
  writeSummary,
} from './runner.mjs';

const notProven = 7;

function findMistake() {
  const common = findCommonMistake();
  if (common) return common;
  if (input('STORE') === '' && !process.env.BELAY_STORE) {
    const hint = 'Set it to s3://bucket/prefix: what is on the runner itself is gone with the job.';
    return mistake('the input store is empty', hint);
  }
  if (!['counts', 'deep', 'readback'].includes(input('DRILL') || 'counts')) {
    return mistake(`the input drill is ${input('DRILL')}`, 'Use counts, deep or readback.');
  }
  return undefined;
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

/** Anything that is not clearly a proven checkpoint is none. */
async function makeCheckpoint(tag) {
  const { answer, exitCode } = await runBelay(buildArguments(tag));
  const isProven = exitCode === 0 && answer.ok === true && answer.restore_drill === 'proven';
  return { answer, isProven, exitCode: isProven ? 0 : exitCode || notProven };
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
  setOutput('restore_drill', answer.restore_drill === 'failed' ? 'failed' : 'not-run');
  const differences = (answer.differences ?? []).map(
    ({ what, name, expected, actual }) => `${what} ${name}: ${actual} instead of ${expected}`,
  );
  const {
    code = 'NOT_PROVEN',
    message = 'the checkpoint is not proven: the restored archive is not what was dumped',
    hint = differences.slice(0, 10).join('\n'),
  } = answer.error ?? {};
  sayError('Checkpoint: NOT proven', { code, message, hint }, exitCode);
}

/** The default tag of a commit that was deployed, or tried, before. */
const isTaken = (tag, { answer }) =>
  answer.error?.code === 'TAG_EXISTS' && tag === `pre-deploy-${process.env.GITHUB_SHA}`;

export async function checkpoint() {
  const problem = findMistake();
  if (problem) {
    reportFailure(problem, usage);
    return usage;
  }
  const tag = input('TAG') || `pre-deploy-${process.env.GITHUB_SHA}`;
  let result = await makeCheckpoint(tag);
  if (isTaken(tag, result)) {
    const { GITHUB_RUN_ID: run, GITHUB_RUN_ATTEMPT: attempt } = process.env;
    const another = `${tag}-${run}-${attempt}`;
    say(`${tag} exists already: this one is ${another}`);
    result = await makeCheckpoint(another);
  }
  if (result.isProven) reportProven(result.answer);
  else reportFailure(result.answer, result.exitCode);
  return result.exitCode;
}
