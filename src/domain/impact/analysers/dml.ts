import type { Analyser, Analysers } from '../world.js';
import { analyseDelete } from './dml/delete.js';
import { analyseCopy, analyseInsert } from './dml/insert.js';
import { analyseMerge } from './dml/merge.js';
import { analyseTruncate } from './dml/truncate.js';
import { analyseUpdate } from './dml/update.js';
import { analyseWith } from './dml/with.js';
import { volatileCalls } from './opaque/volatile-calls.js';

type Analyse = (
  tree: Parameters<Analyser>[0]['tree'],
  world: Parameters<Analyser>[1],
) => ReturnType<Analyser>;

/** With what its WITH changes, and what the functions do that it calls. */
const withParts =
  (analyse: Analyse): Analyser =>
  ({ tree }, world) => {
    const { rest, findings } = analyseWith(tree, world, dmlAnalysers);
    return [...findings, ...analyse(rest, world), ...volatileCalls(rest, world)];
  };

/** Statements that change rows. */
export const dmlAnalysers: Analysers = {
  InsertStmt: withParts(analyseInsert),
  UpdateStmt: withParts(analyseUpdate),
  DeleteStmt: withParts(analyseDelete),
  MergeStmt: withParts(analyseMerge),
  TruncateStmt: ({ tree }, world) => analyseTruncate(tree, world),
  CopyStmt: ({ tree }, world) => [
    ...analyseCopy(tree, world),
    // A query of it is looked at as a statement of its own.
    ...volatileCalls(tree.whereClause, world),
  ],
};
