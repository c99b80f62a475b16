import { stripVTControlCharacters } from 'node:util';
import type { ProgressEvent, Reporter } from '../../index.js';
import type { OutputStream } from '../io.js';
import { formatBytes, formatDuration } from './format.js';
import type { Style } from './style.js';

type Step = Extract<ProgressEvent, { type: 'step' }>;

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 80;

function describe(step: Step): string {
  const size = step.sizeBytes === undefined ? '' : ` (${formatBytes(step.sizeBytes)})`;
  return `${step.name}${step.detail ? ` ${step.detail}` : ''}${size}`;
}

export interface Progress {
  readonly reporter: Reporter;
  /** Removes the line in progress. Call it before anything else is printed. */
  stop(): void;
}

/** Plain lines, for logs: one when a step begins that may take long, one for each note and warning. */
export function lineProgress(stream: OutputStream, style: Style, quiet: boolean): Progress {
  const reporter: Reporter = (event) => {
    if (event.type === 'warning') stream.write(`${style.yellow('warning:')} ${event.message}\n`);
    else if (quiet) return;
    else if (event.type === 'note') stream.write(`${event.message}\n`);
    else if (event.type === 'step') {
      const estimate =
        event.estimateMs === undefined ? '' : `, about ${formatDuration(event.estimateMs)}`;
      stream.write(`${describe(event)}${estimate} …\n`);
    } else stream.write(`${event.name}: ${formatDuration(event.durationMs)}\n`);
  };
  return { reporter, stop: () => {} };
}

/** One line that is drawn again and again, for terminals. */
export function terminalProgress(stream: OutputStream, style: Style): Progress {
  let current: { readonly step: Step; readonly startedAt: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let frame = 0;
  const clear = () => stream.write('\r\x1b[2K');
  const draw = () => {
    if (!current) return;
    frame += 1;
    const elapsedMs = performance.now() - current.startedAt;
    const text = `${describe(current.step)}  ${style.dim(timing(current.step, elapsedMs))}`;
    stream.write(
      `\r\x1b[2K${style.cyan(frames[frame % frames.length] ?? '')} ${fitLine(text, stream)}`,
    );
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    if (current) clear();
    current = undefined;
  };
  const reporter: Reporter = (event) => {
    if (event.type === 'step') {
      current = { step: event, startedAt: performance.now() };
      timer ??= setInterval(draw, frameMs).unref();
      draw();
    } else if (event.type === 'step-done') {
      stop();
    } else {
      if (current) clear();
      const mark = event.type === 'warning' ? style.yellow('warning:') : style.dim('note:');
      stream.write(`${mark} ${event.message}\n`);
    }
  };
  return { reporter, stop };
}

/** Elapsed time, and how far that is of the estimate; beyond the estimate it no longer pretends to know. */
function timing(step: Step, elapsedMs: number): string {
  const elapsed = formatDuration(elapsedMs);
  if (step.estimateMs === undefined) return elapsed;
  if (elapsedMs > step.estimateMs) return `${elapsed}, longer than the last time`;
  const percent = Math.floor((elapsedMs / step.estimateMs) * 100);
  return `${elapsed} of about ${formatDuration(step.estimateMs)}, ${percent} % (${step.basis ?? 'estimated'})`;
}

/** A line that wraps could not be drawn over. Escape sequences have no width. */
function fitLine(text: string, stream: OutputStream): string {
  const width = (stream.columns ?? 80) - 4;
  const visible = stripVTControlCharacters(text);
  return visible.length <= width ? text : `${visible.slice(0, width - 1)}…`;
}
