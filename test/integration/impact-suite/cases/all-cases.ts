import type { ImpactCase } from '../../../support/impact-case.js';
import { columnCases } from './columns.js';
import { constraintCases } from './constraints.js';
import { cornerCases } from './corners.js';
import { dropCases } from './drops.js';
import { lockCases } from './locks.js';
import { moreScriptCases } from './more-scripts.js';
import { newerCases } from './newer.js';
import { otherCases } from './rights.js';
import { rowCases } from './rows.js';
import { scriptCases } from './scripts.js';
import { trapCases } from './traps.js';

export const families: readonly (readonly [what: string, cases: readonly ImpactCase[]])[] = [
  ['what goes with a DROP', dropCases],
  ['columns that go or change their type', columnCases],
  ['constraints, new columns and partitions', constraintCases],
  ['rows that change', rowCases],
  ['statements that follow one another', [...scriptCases, ...moreScriptCases]],
  ['locks and rewrites', lockCases],
  ['what is easily overlooked', [...trapCases, ...cornerCases]],
  ['what newer versions have', newerCases],
  ['rights, code and what is harmless', otherCases],
];
