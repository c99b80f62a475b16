import { join } from 'node:path';
import { statementsOf } from '../../domain/table-script.js';
import { libpqEnvironment } from '../../postgres/libpq-environment.js';
import { runProgram } from '../../process/run.js';
import type { Work } from '../target/work.js';
import { dumpToolsOf } from './dump-tools.js';
import { withPrivateFolder } from './table-source.js';

/** SQL that makes objects: first what rows can be copied into, then what is better made when they are there. */
export interface SchemaScripts {
  readonly preData: string;
  readonly postData: string;
}

const maxScriptBytes = 256 * 1024 * 1024;

/**
 * The definitions of everything in some schemas, or of one relation, as PostgreSQL's own programs print them. The
 * schemas themselves are not among them.
 * @param what arguments of pg_dump that choose, e.g. "--schema=x"
 */
export async function dumpSchemaScripts(
  work: Work,
  database: string,
  what: { readonly dump: readonly string[]; readonly restore: readonly string[] },
): Promise<SchemaScripts> {
  const { settings, env } = work.target;
  const { pgDump, pgRestore } = await dumpToolsOf(work);
  const run = (program: string, args: readonly string[]) =>
    runProgram(program, args, {
      env: libpqEnvironment(settings, { database, applicationName: 'belay dump', env }),
      signal: work.signal,
      mustSucceed: true,
      maxOutputBytes: maxScriptBytes,
      errorCode: 'DUMP_FAILED',
      errorHint: 'Nothing was changed. What pg_dump says is the reason.',
    });
  return withPrivateFolder(async (folder) => {
    const file = join(folder, 'schema');
    await run(pgDump.path, [
      ...['--format=custom', '--schema-only', '--encoding=UTF8', '--no-password'],
      ...['--lock-wait-timeout=10000', `--file=${file}`, ...what.dump],
    ]);
    const section = async (name: string) => {
      const args = [`--section=${name}`, '--file=-', ...what.restore, file];
      return statementsOf((await run(pgRestore.path, args)).stdout);
    };
    return { preData: await section('pre-data'), postData: await section('post-data') };
  });
}
