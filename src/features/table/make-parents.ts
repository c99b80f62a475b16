import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import { statementsOf } from '../../domain/table-script.js';
import {
  ancestorsOf,
  type PartitionedSelection,
  restoreList,
  selectPartitioned,
} from '../../domain/table-selection.js';
import type { Session } from '../../postgres/session.js';
import { quoteQualifiedName } from '../../postgres/sql/tables.js';
import { readTableFacts } from '../../postgres/table/read-tables.js';
import { setSequence } from '../../postgres/table/sequences.js';
import { runProgram } from '../../process/run.js';
import type { Work } from '../target/work.js';
import { runScript } from './build-aside.js';
import { dumpToolsOf } from './dump-tools.js';
import { readContents } from './scratch.js';
import type { RestoreTablesOrder } from './table-order.js';
import { type TableSource, withPrivateFolder } from './table-source.js';

const maxScriptBytes = 64 * 1024 * 1024;

/**
 * Partitions that are gone together with their partitioned table need that one first: to be attached to, and for the
 * sequences that it owned. It is made as it was, empty, and removed again where the restore fails.
 */
export async function withParents<T>(
  work: Work,
  session: Session,
  { source, tables }: RestoreTablesOrder,
  use: () => Promise<T>,
): Promise<T> {
  const existing = await readTableFacts(session, tables);
  const gone = tables.filter((_, index) => existing[index] === undefined);
  const made = gone.length === 0 ? [] : await makeParents(work, session, source, gone);
  try {
    return await use();
  } catch (error) {
    await dropEmpty(session, made).catch(() => {});
    throw error;
  }
}

/** @returns what was made, the outermost first */
function makeParents(
  work: Work,
  session: Session,
  source: TableSource,
  tables: readonly QualifiedName[],
): Promise<QualifiedName[]> {
  return source.withSchemaFile(async (file) => {
    const contents = await readContents(file);
    const ancestors = ancestorsOf(contents, tables);
    const existing = await readTableFacts(session, ancestors);
    const missing = ancestors.filter((_, index) => existing[index] === undefined);
    if (missing.length === 0) return [];
    const selection = selectPartitioned(contents, missing);
    const script = await printScript(work, file, selection, contents.oldestReader);
    await session.transaction(async () => {
      await runScript(session, script);
      await setSequences(session, source, selection);
    });
    for (const { kind, tag } of selection.left) {
      const message = `${kind.toLowerCase()} ${tag} went with ${missing.map(formatQualifiedName).join(', ')} and is not made again`;
      work.reporter({ type: 'warning', message });
    }
    return missing;
  });
}

async function printScript(
  work: Work,
  file: string,
  { schema }: PartitionedSelection,
  oldestReader: number,
): Promise<string> {
  const { pgRestore } = await dumpToolsOf(work, oldestReader);
  return withPrivateFolder(async (folder) => {
    const list = join(folder, 'list');
    await writeFile(list, restoreList(schema), { mode: 0o600 });
    const printed = await runProgram(pgRestore.path, [`--use-list=${list}`, '--file=-', file], {
      ...{ env: work.target.env, signal: work.signal, mustSucceed: true },
      ...{ maxOutputBytes: maxScriptBytes, errorCode: 'RESTORE_FAILED' },
      errorHint: 'Nothing was changed. What pg_restore says is the reason.',
    });
    return statementsOf(printed.stdout);
  });
}

async function setSequences(
  session: Session,
  { snapshot }: TableSource,
  { schema }: PartitionedSelection,
): Promise<void> {
  for (const { kind, schema: inside, tag: name } of schema) {
    if (kind !== 'SEQUENCE') continue;
    const sequence = { schema: inside, name };
    const value = snapshot.fingerprint?.sequences[formatQualifiedName(sequence)];
    if (value) await setSequence(session, sequence, value);
  }
}

/** Only what is empty still: a failure may come when partitions are in place already, and those are the user's. */
async function dropEmpty(session: Session, made: readonly QualifiedName[]): Promise<void> {
  for (const table of [...made].reverse()) {
    const name = quoteQualifiedName(table);
    await session.transaction(async () => {
      await session.execute(
        `SET LOCAL lock_timeout = '5s'; LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`,
        `locking ${formatQualifiedName(table)}`,
      );
      const [facts] = await readTableFacts(session, [table]);
      if (facts?.children.length === 0) {
        await session.execute(`DROP TABLE ${name}`, `removing ${formatQualifiedName(table)}`);
      }
    });
  }
}
