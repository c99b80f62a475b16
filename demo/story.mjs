import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { contentHash } from './content-hash.mjs';
import { Prober } from './prober.mjs';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const program = path.join(here, '..', 'bin', 'belay.js');

/** Thrown when a command of the story ends badly: the demonstration then fails, and says so. */
class StoryError extends Error {}

/** Plays the story on one PostgreSQL of its own. Everything it makes lies below `home`. */
export class Story {
  #env;
  #url;
  #prober;
  #steps = [];
  #bold;
  #dim;

  constructor({ home, isTerminal }) {
    this.#env = { ...process.env, BELAY_HOME: home, ...(isTerminal ? { FORCE_COLOR: '1' } : {}) };
    this.#bold = (text) => (isTerminal ? `\x1b[1m${text}\x1b[0m` : text);
    this.#dim = (text) => (isTerminal ? `\x1b[2m${text}\x1b[0m` : text);
  }

  async play() {
    await this.#startServer();
    await this.#load();
    this.#prober = new Prober(this.#url);
    await this.#switchThereAndBack();
    await this.#saveACarelessMigration();
    await this.#prober.stop();
    this.#say('The timeline, and what it cost:');
    await this.#belay(['list']);
    this.#printSteps();
  }

  async cleanUp() {
    await this.#prober?.stop();
    await this.#run(['local', 'stop', '--json'], 'ignore');
  }

  async #startServer() {
    this.#say('A PostgreSQL for whoever has none:');
    await this.#belay(['local', 'start']);
    const { stdout } = await this.#run(['local', 'status', '--json'], 'pipe');
    const { url } = JSON.parse(stdout);
    this.#url = url.replace(/\/[^/]*$/, '/shop');
    await this.#sql('CREATE DATABASE shop', url);
    // From here on every command finds its database in the environment.
    this.#env.DATABASE_URL = this.#url;
  }

  async #load() {
    await this.#sqlFile('shop.sql', 'a shop is loaded');
    const { rows } = await this.#sql(
      `SELECT sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I', tablename), false, true, '')))[1]::text::int) AS n
         FROM pg_tables WHERE schemaname = 'public'`,
    );
    console.log(this.#dim(`${Number(rows[0].n).toLocaleString('en-US')} rows`));
  }

  async #switchThereAndBack() {
    this.#say('Before a schema change, a snapshot:');
    await this.#timed(['snapshot', 'before-invoices', '-d', 'last release']);
    await this.#sqlFile('invoices.sql', 'two days of schema changes');
    const worked = await this.#hash();

    this.#say('An urgent bug needs the schema of before. The work is kept, not thrown away:');
    await this.#timed(['switch', 'before-invoices', '--save', 'wip-invoices']);
    await this.#sqlFile('bugfix.sql', 'the bug is fixed');
    await this.#timed(['snapshot', 'bugfix', '-d', 'returned orders no longer count']);

    this.#say('And back to exactly where the work was:');
    await this.#timed(['switch', 'wip-invoices']);
    await this.#prove('the work is back', worked);
  }

  async #saveACarelessMigration() {
    const before = await this.#hash();
    await this.#sqlFile('careless.sql', 'a careless migration: DROP COLUMN email');
    this.#say('What did it do?');
    await this.#belay(['diff', 'wip-invoices', 'live']);
    this.#say('One restore, and what was dropped is there again:');
    await this.#timed(['restore', 'wip-invoices']);
    await this.#prove('nothing was lost', before);

    this.#say('Every step has a way back, this one too:');
    await this.#timed(['undo']);
    await this.#timed(['undo']);
    await this.#prove('undone and undone again', before);
  }

  async #hash() {
    return withClient(this.#url, contentHash);
  }

  async #prove(claim, expected) {
    if ((await this.#hash()) !== expected) throw new StoryError(`not true: ${claim}`);
    console.log(`  proof: a hash of every row, computed without Belay, is the same: ${claim}`);
    this.#steps.at(-1).proof = 'every row hashed';
  }

  /** A command whose time is told at the end, with the longest time the application had to wait. */
  async #timed(args) {
    this.#prober.takeGap();
    const startedAt = performance.now();
    await this.#belay(args);
    const durationMs = performance.now() - startedAt;
    this.#steps.push({
      command: `belay ${args.slice(0, 2).join(' ')}`,
      durationMs,
      gapMs: this.#prober.takeGap(),
    });
  }

  #printSteps() {
    console.log(
      `\n${this.#dim('COMMAND'.padEnd(32))}${this.#dim('TIME'.padStart(9))}${this.#dim('APP WAITED'.padStart(13))}  ${this.#dim('PROOF')}`,
    );
    for (const { command, durationMs, gapMs, proof } of this.#steps) {
      const time = `${(durationMs / 1000).toFixed(2)} s`.padStart(9);
      const gap = `${Math.round(gapMs)} ms`.padStart(13);
      console.log(`${command.padEnd(32)}${time}${gap}  ${proof ?? 'fingerprint'}`);
    }
  }

  #say(text) {
    console.log(`\n${this.#bold(text)}`);
  }

  async #sqlFile(name, what) {
    const startedAt = performance.now();
    await this.#sql(await readFile(path.join(here, name), 'utf8'));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`\n${this.#dim(`-- ${name}: ${what} (${seconds} s)`)}`);
  }

  async #sql(text, url = this.#url) {
    return withClient(url, (client) => client.query(text));
  }

  async #belay(args) {
    console.log(`${this.#dim('$')} belay ${args.map(quote).join(' ')}`);
    const { exitCode } = await this.#run(args, 'inherit');
    if (exitCode !== 0) throw new StoryError(`belay ${args[0]} ended with ${exitCode}`);
  }

  #run(args, output) {
    // Progress lines are for logs; on a terminal the command draws one line and takes it away again.
    const errors = output === 'inherit' && !process.stderr.isTTY ? 'ignore' : output;
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, ...args], {
        env: this.#env,
        stdio: ['ignore', output, errors],
      });
      let stdout = '';
      child.stdout?.on('data', (chunk) => {
        stdout += chunk;
      });
      child.on('error', reject);
      child.on('close', (exitCode) => resolve({ exitCode, stdout }));
    });
  }
}

function quote(argument) {
  return /^[\w./~@-]+$/.test(argument) ? argument : `'${argument}'`;
}

async function withClient(url, work) {
  const client = new pg.Client({ connectionString: url, application_name: 'psql' });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
