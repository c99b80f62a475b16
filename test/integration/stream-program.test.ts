import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BelayError } from '../../src/errors.js';
import { isRunning } from '../../src/process/postmaster.js';
import { type StreamOptions, streamProgram } from '../../src/process/stream-program.js';
import { failure } from '../support/failure.js';
import { makeTempFolder } from '../support/temp-folder.js';

/** A program that runs some JavaScript. */
const start = (code: string, options: Partial<StreamOptions> = {}, args: string[] = []) =>
  streamProgram(process.execPath, ['-e', code, '--', ...args], {
    env: { PATH: process.env.PATH },
    errorCode: 'DUMP_FAILED',
    errorHint: 'try again',
    ...options,
  });

const forEver = 'setInterval(() => {}, 1000);';
const printPid = 'process.stdout.write(process.pid + "\\n");';

/** The process id that a program prints first, while it goes on. */
async function pidOf(program: { readonly stdout: Readable }): Promise<number> {
  for (;;) {
    const line: Buffer | null = program.stdout.read();
    if (line) return Number.parseInt(String(line), 10);
    await new Promise((resolve) => program.stdout.once('readable', resolve));
  }
}

const isGone = async (pid: number) => !(await isRunning(pid));

describe('the output of a program', () => {
  it('arrives whole, and the result says how it ended', async () => {
    const program = start('process.stdout.write("x".repeat(5e6)); process.stderr.write("done")');
    expect(await buffer(program.stdout)).toHaveLength(5e6);
    expect(await program.ended).toMatchObject({
      exitCode: 0,
      signal: null,
      stderr: 'done',
      failure: null,
    });
    expect((await program.ended).durationMs).toBeGreaterThan(0);
  });

  it('is only asked for as fast as it is read', async () => {
    const file = join(makeTempFolder(), 'written');
    const program = start(`
      const { writeFileSync } = require('node:fs');
      let written = 0;
      const chunk = Buffer.alloc(65536);
      const more = () => {
        writeFileSync(${JSON.stringify(file)}, String(written));
        if (written >= 50e6) return;
        written += chunk.length;
        process.stdout.write(chunk, more);
      };
      more();`);
    await new Promise((resolve) => program.stdout.once('readable', resolve));
    await sleep(500);
    const written = Number(readFileSync(file, 'utf8'));
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(3e6);
    expect((await buffer(program.stdout)).length).toBeGreaterThanOrEqual(50e6);
  });

  it('never ends well when the program fails, also after its last byte', async () => {
    const program = start(
      'process.stdout.write("all of it"); process.stderr.write("one\\nthe reason\\n"); process.exitCode = 3',
    );
    const read: Buffer[] = [];
    const sink = new Writable({
      write(chunk, _encoding, callback) {
        read.push(chunk);
        callback();
      },
    });
    const error = await failure(pipeline(program.stdout, sink), 'DUMP_FAILED');
    expect(String(Buffer.concat(read))).toBe('all of it');
    expect(sink.writableFinished).toBe(false);
    expect(error.message).toBe('node failed with exit code 3: one\nthe reason');
    expect(error).toMatchObject({ hint: 'try again', details: { reason: 'exit', exitCode: 3 } });
    expect(await program.ended).toMatchObject({ exitCode: 3, failure: error });
  });

  it('fails when the program is killed midway', async () => {
    const program = start(`${printPid} ${forEver}`);
    process.kill(await pidOf(program), 'SIGKILL');
    const error = await failure(text(program.stdout), 'DUMP_FAILED');
    expect(error).toMatchObject({ message: 'node was ended by SIGKILL' });
  });

  it('fails where the program cannot be started, and never as an unhandled rejection', async () => {
    const program = streamProgram('/nowhere/pg_dump', [], { env: {}, errorCode: 'TOOL_MISSING' });
    await sleep(50);
    await failure(text(program.stdout), 'TOOL_MISSING');
    expect((await program.ended).failure?.message).toContain('pg_dump cannot be run');
  });

  it('keeps the end of what is printed on stderr, however much that is', async () => {
    const program = start(
      'process.stderr.write("line\\n".repeat(2e6) + "the last", () => process.exit(1))',
    );
    const error = await failure(text(program.stdout), 'DUMP_FAILED');
    expect(error.message).toMatch(/^node failed with exit code 1: (line\n){4}the last$/);
    expect((await program.ended).stderr.length).toBeLessThanOrEqual(64 * 1024);
  });

  it('is collected as text where that is wanted', async () => {
    const program = start('console.log("one\\ntwo")', { stdout: 'collect' });
    expect(await program.ended).toMatchObject({ stdout: 'one\ntwo\n', exitCode: 0 });
  });

  it('gets its arguments as they are', async () => {
    const args = ['-x', '--host=$(id)', 'a=b', `q"'\``, 'two\nlines', '', '%PATH%', '; exit 1'];
    const program = start('process.stdout.write(JSON.stringify(process.argv.slice(1)))', {}, args);
    expect(JSON.parse(await text(program.stdout))).toEqual(args);
  });

  it('gets no variable but the ones that were given', async () => {
    const program = start('process.stdout.write(JSON.stringify(process.env))', {
      env: { ONE: '1' },
    });
    expect(JSON.parse(await text(program.stdout))).toEqual({ ONE: '1' });
  });
});

describe('a program that prints nothing', () => {
  it('is ended at the limit, also when it was stopped by SIGSTOP', async () => {
    const program = start(`${printPid} setInterval(() => process.stdout.write('.'), 50)`, {
      idleMs: 1_000,
    });
    const pid = await pidOf(program);
    process.kill(pid, 'SIGSTOP');
    const error = await failure(text(program.stdout), 'DUMP_FAILED');
    expect(error.message).toBe('node printed nothing for 1 s and was ended');
    expect(await isGone(pid)).toBe(true);
  });

  it('is not ended while it prints, slower than the reader but within the limit', async () => {
    const program = start(
      'let n = 0; const t = setInterval(() => { process.stdout.write("."); if (++n === 8) clearInterval(t) }, 250)',
      { idleMs: 1_000 },
    );
    expect(await text(program.stdout)).toBe('.'.repeat(8));
  });

  it('is not ended because its reader is slow', async () => {
    const program = start('process.stdout.write("x".repeat(3e6))', { idleMs: 300 });
    let sizeBytes = 0;
    let pauses = 0;
    for await (const chunk of program.stdout) {
      sizeBytes += chunk.length;
      if (pauses < 3 && sizeBytes > pauses * 5e5) {
        pauses += 1;
        await sleep(600);
      }
    }
    expect(sizeBytes).toBe(3e6);
    expect(pauses).toBe(3);
  });

  it('is not ended because this process was busy meanwhile', async () => {
    const program = start('setTimeout(() => process.stdout.write("here"), 300)', { idleMs: 1_000 });
    const reading = text(program.stdout);
    await sleep(100);
    // After what arrives was read, and before the timers: the order in which Node does things.
    await setImmediate();
    const until = performance.now() + 1_500;
    while (performance.now() < until);
    expect(await reading).toBe('here');
  });
});

describe('a program that is not wanted any more', () => {
  it('ends at an abort, and the reader gets the reason', async () => {
    const abort = new AbortController();
    const program = start(`${printPid} ${forEver}`, { signal: abort.signal });
    const pid = await pidOf(program);
    abort.abort(new BelayError('TERMINATED', 'asked to end'));
    await failure(text(program.stdout), 'TERMINATED');
    expect(await program.ended).toMatchObject({ signal: 'SIGTERM' });
    expect(await isGone(pid)).toBe(true);
  });

  it('is killed where it does not listen', async () => {
    const abort = new AbortController();
    const program = start(`process.on('SIGTERM', () => {}); ${printPid} ${forEver}`, {
      signal: abort.signal,
    });
    const pid = await pidOf(program);
    abort.abort();
    await failure(text(program.stdout), 'INTERRUPTED');
    expect(await program.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(await isGone(pid)).toBe(true);
  });

  it('is not even started after an abort', async () => {
    const program = start('', { signal: AbortSignal.abort('SIGTERM') });
    await failure(text(program.stdout), 'TERMINATED');
  });

  it('ends when its reader goes away', async () => {
    const program = start(`${printPid} ${forEver}`);
    const pid = await pidOf(program);
    program.stdout.destroy();
    await program.ended;
    expect(await isGone(pid)).toBe(true);
  });

  it('ends with the reason it is stopped for', async () => {
    const program = start(forEver);
    program.stop(new BelayError('STORE_UNAVAILABLE', 'the bucket is gone'));
    await failure(text(program.stdout), 'STORE_UNAVAILABLE');
  });
});

describe('the input of a program', () => {
  const readAll = 'process.stdin.pipe(process.stdout)';
  const input = (program: { readonly stdin: Writable | null }): Writable =>
    program.stdin ?? new PassThrough();

  it('reaches it whole', async () => {
    const program = start(readAll, { stdin: 'pipe' });
    const sent = Buffer.alloc(5e6, 'rope');
    const [received] = await Promise.all([
      buffer(program.stdout),
      pipeline(Readable.from([sent]), input(program)),
    ]);
    expect(received.equals(sent)).toBe(true);
  });

  it('is empty where there is none', async () => {
    expect(await text(start(readAll).stdout)).toBe('');
  });

  it('fails with the failure of the program, not with a broken pipe', async () => {
    const program = start('process.stderr.write("no space"); process.exit(2)', { stdin: 'pipe' });
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65536);
      })(),
    );
    const error = await failure(pipeline(endless, input(program)), 'DUMP_FAILED');
    expect(error.message).toBe('node failed with exit code 2: no space');
  });

  it('may be left unread by a program that succeeds', async () => {
    const program = start('process.exit(0)', { stdin: 'pipe', stdout: 'collect' });
    await pipeline(Readable.from([Buffer.alloc(2e6), Buffer.alloc(2e6)]), input(program));
    expect(await program.ended).toMatchObject({ exitCode: 0, failure: null });
  });

  it('that breaks off is no end of input: the program is stopped', async () => {
    const program = start(`${readAll}; process.stdin.on('end', () => process.exit(0))`, {
      stdin: 'pipe',
    });
    const source = new PassThrough();
    const sending = pipeline(source, input(program));
    const reading = failure(text(program.stdout), 'STORE_UNAVAILABLE');
    source.write('half');
    await sleep(200);
    source.destroy(new BelayError('STORE_UNAVAILABLE', 'the bucket is gone'));
    await failure(sending, 'STORE_UNAVAILABLE');
    await reading;
    expect((await program.ended).exitCode).not.toBe(0);
  });
});
