import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { cleanEnvironment } from './run-belay.js';
import { makeTempFolder } from './temp-folder.js';

/** The parts of an action.yml that are used here. */
interface ActionFile {
  readonly inputs: Readonly<
    Record<string, { readonly default?: string; readonly required?: boolean }>
  >;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

interface Step {
  readonly id: string;
  readonly shell: string;
  readonly run: string;
  readonly env: Readonly<Record<string, string>>;
  readonly 'working-directory'?: string;
}

export interface ActionRun {
  readonly exitCode: number | null;
  /** As the runner shows it: what was asked to be hidden is hidden. */
  readonly log: string;
  /** Of `::error::`. */
  readonly errors: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  /** What later steps of the job have in their environment. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface ActionCall {
  readonly inputs: Readonly<Record<string, string>>;
  readonly github?: Readonly<Record<string, string>>;
  /** Of the job. */
  readonly env?: NodeJS.ProcessEnv;
  readonly workspace?: string;
  /** Called with what was logged so far and with a way to cancel the job. */
  readonly onLog?: (log: string, cancel: () => void) => void;
}

const actionFolder = fileURLToPath(new URL('../../action', import.meta.url));

export function readAction(): ActionFile {
  return parse(readFileSync(join(actionFolder, 'action.yml'), 'utf8'));
}

type Contexts = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The few expressions that are used; any other is a mistake in the action, or missing here. */
function evaluate(text: string, contexts: Contexts): string {
  return text.replace(/\$\{\{(.*?)\}\}/g, (_, expression: string) => {
    const [context = '', ...path] = expression.trim().split('.');
    let value: unknown = contexts[context];
    if (value === undefined) throw new Error(`unknown context in ${expression}`);
    for (const name of path) value = (value as Record<string, unknown> | undefined)?.[name];
    return value === undefined ? '' : String(value);
  });
}

/** Runs the steps of the action as GitHub's runner does. */
export async function runAction(call: ActionCall): Promise<ActionRun> {
  const action = readAction();
  const github = { sha: '4f3a9c1d', run_id: '77', run_attempt: '1', ...call.github };
  const inputs = Object.fromEntries(
    Object.entries(action.inputs).map(([name, { default: value = '' }]) => [
      name,
      call.inputs[name] ?? evaluate(value, { github }),
    ]),
  );
  const steps: Record<string, { outputs: Record<string, string> }> = {};
  const [step, ...others] = action.runs.steps;
  if (!step || others.length > 0) throw new Error('the action has one step');
  const files = makeTempFolder({ output: '', summary: '', env: '' });
  const done = await runStep(step, { github, inputs }, call, files);
  steps[step.id] = { outputs: parseOutputs(readFileSync(join(files, 'output'), 'utf8')) };
  const outputs = Object.entries(action.outputs).map(([name, { value }]) => [
    name,
    evaluate(value, { steps }),
  ]);
  return {
    ...done,
    outputs: Object.fromEntries(outputs),
    summary: readFileSync(join(files, 'summary'), 'utf8'),
    variables: parseOutputs(readFileSync(join(files, 'env'), 'utf8')),
  };
}

async function runStep(step: Step, contexts: Contexts, call: ActionCall, files: string) {
  if (step.shell !== 'bash') throw new Error(`${step.shell} is no shell of this runner`);
  const script = join(files, 'script.sh');
  writeFileSync(script, evaluate(step.run, contexts));
  const workspace = call.workspace ?? makeTempFolder();
  const env = Object.entries(step.env).map(([name, value]) => [name, evaluate(value, contexts)]);
  const { github = {} } = contexts;
  const child = spawn('bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail', script], {
    cwd: join(workspace, evaluate(step['working-directory'] ?? '.', contexts)),
    env: {
      ...{ ...cleanEnvironment(), ...call.env, ...Object.fromEntries(env) },
      ...{ CI: 'true', GITHUB_ACTIONS: 'true', GITHUB_ACTION_PATH: actionFolder },
      ...{ GITHUB_WORKSPACE: workspace, GITHUB_SHA: String(github.sha) },
      ...{ GITHUB_RUN_ID: String(github.run_id) },
      GITHUB_RUN_ATTEMPT: String(github.run_attempt),
      ...{ GITHUB_OUTPUT: join(files, 'output'), GITHUB_STEP_SUMMARY: join(files, 'summary') },
      GITHUB_ENV: join(files, 'env'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let raw = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      raw += chunk;
      // A job that is cancelled signals the step's own process, and not its children.
      call.onLog?.(raw, () => child.kill('SIGTERM'));
    });
  }
  const [code, signal] = await once(child, 'close');
  return { exitCode: signal ? null : code, ...readLog(raw) };
}

/** What the runner makes of a step's output: it obeys commands, unless it was asked to stop that for a while. */
function readLog(raw: string): { log: string; errors: string[] } {
  const masks: string[] = [];
  const errors: string[] = [];
  const lines: string[] = [];
  let stopped: string | undefined;
  for (const line of raw.split('\n')) {
    const [, name = '', , data = ''] = /^::([\w-]+)( [^:]*)?::(.*)$/.exec(line) ?? [];
    if (stopped !== undefined) {
      if (line === `::${stopped}::`) stopped = undefined;
      else lines.push(line);
    } else if (name === 'stop-commands') stopped = data;
    else if (name === 'add-mask') masks.push(unescapeData(data));
    else if (name === 'error') errors.push(unescapeData(data));
    else lines.push(line);
  }
  const hide = (text: string) => masks.reduce((shown, mask) => shown.replaceAll(mask, '***'), text);
  return { log: hide(lines.join('\n')), errors: errors.map(hide) };
}

const unescapeData = (data: string): string =>
  data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');

function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const [, name, end] = /^([^=<]+)<<(.+)$/.exec(lines[at] ?? '') ?? [];
    if (!name || !end) continue;
    const last = lines.indexOf(end, at + 1);
    if (last < 0) throw new Error(`the output ${name} has no end`);
    outputs[name] = lines.slice(at + 1, last).join('\n');
    at = last;
  }
  return outputs;
}
