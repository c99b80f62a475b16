import { type Finding, finding } from '../finding.js';
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

/** A type of the script's own has no values in the live database; any other one is not there. */
export function madeOrMissing(
  world: World,
  kind: 'enum' | 'domain' | 'type',
  written: RelationName,
  operation: string,
): Finding {
  const made = ['type', 'domain'].some((one) => world.findObject(one, written)?.isNew === true);
  if (!made) return missingObject(world, kind, written, { operation });
  const reason = 'the script itself makes it';
  const rule = kind === 'domain' ? 'alter-domain' : 'alter-type';
  return finding({ rule, operation, object: writtenName(written), safety: 'SAFE', reason });
}
