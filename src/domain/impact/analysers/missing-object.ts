import { type Finding, finding } from '../finding.js';
import { printedName } from '../world/printed-names.js';
import type { RelationName } from '../world.js';

/** A name as the statement has it, for people. */
export function writtenName({ schema, name }: RelationName): string {
  return schema === undefined ? printedName(name) : printedName(schema, name);
}

/** What a statement names is not there: it fails whatever the rows, unless it says IF EXISTS. */
export function missingObject(
  kind: string,
  name: RelationName,
  { operation, missingOk = false }: { readonly operation: string; readonly missingOk?: boolean },
): Finding {
  const object = writtenName(name);
  const reason = `there is no ${kind} ${object}`;
  return missingOk
    ? finding({ rule: 'nothing-to-do', operation, object, safety: 'SAFE', reason })
    : finding({ rule: 'object-missing', operation, object, safety: 'SAFE', reason, fails: true });
}
