import type { Finding } from '../finding.js';
import { printedName } from '../world/printed-names.js';
import type { RelationName, World } from '../world.js';
import { missing, nothingToDo } from './missing.js';

/** A name as the statement has it, for people. */
export function writtenName({ schema, name }: RelationName): string {
  return schema === undefined ? printedName(name) : printedName(schema, name);
}

/** What a statement names is not there: it fails whatever the rows, unless it says IF EXISTS. */
export function missingObject(
  world: World,
  kind: string,
  written: RelationName,
  { operation, missingOk = false }: { readonly operation: string; readonly missingOk?: boolean },
): Finding {
  const name = writtenName(written);
  const facts = { operation, object: name };
  return missingOk && !world.isUncertain
    ? nothingToDo(facts, `there is no ${kind} ${name}`)
    : missing(world, facts, { kind, name, isOptional: missingOk });
}
