import type { Finding } from '../finding.js';
import type { Analyser, Analysers } from '../world.js';
import { alterTableAnalysers } from './alter-table.js';
import { constraintAnalysers } from './constraints.js';
import { createAnalysers } from './create.js';
import { dmlAnalysers } from './dml.js';
import { dropAnalysers } from './drop.js';
import { indexAnalysers } from './indexes.js';
import { maintenanceAnalysers } from './maintenance.js';
import { opaqueAnalysers } from './opaque.js';
import { otherAnalysers } from './other-objects.js';
import { renameAnalysers } from './rename.js';
import { rightsAnalysers } from './rights.js';
import { settingAnalysers } from './settings.js';
import { typeAnalysers } from './types.js';

/** That a statement only reads is worth saying where there is nothing else. */
function withoutRest(findings: readonly Finding[]): readonly Finding[] {
  const others = findings.filter(({ rule }) => rule !== 'read-only');
  return others.length > 0 ? others : findings.slice(0, 1);
}

/** Of a statement that several families know each says its part. */
function together(families: readonly Analysers[]): Analysers {
  const all = new Map<string, Analyser[]>();
  for (const family of families) {
    for (const [kind, analyser] of Object.entries(family)) {
      all.set(kind, [...(all.get(kind) ?? []), analyser]);
    }
  }
  return Object.fromEntries(
    [...all].map(([kind, list]): [string, Analyser] => [
      kind,
      (statement, world) => withoutRest(list.flatMap((analyser) => analyser(statement, world))),
    ]),
  );
}

/** What Belay knows of each kind of statement. A kind that is missing here is never called safe. */
export const analysers: Analysers = {
  // The last resort of kinds that no other family has.
  ...otherAnalysers,
  ...together([
    ...[dropAnalysers, renameAnalysers, createAnalysers, settingAnalysers],
    ...[alterTableAnalysers, constraintAnalysers, indexAnalysers, typeAnalysers],
    ...[maintenanceAnalysers, rightsAnalysers, dmlAnalysers, opaqueAnalysers],
  ]),
};
