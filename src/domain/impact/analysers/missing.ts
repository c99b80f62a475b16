import { type Finding, finding } from '../finding.js';
import type { World } from '../world.js';

type Facts = Pick<Finding, 'operation' | 'object'>;

/** What a statement names is not there. */
export function missing(
  world: World,
  facts: Facts,
  { kind, name, isOptional = false }: { kind: string; name: string; isOptional?: boolean },
): Finding {
  const there = `there is no ${kind} ${name}`;
  if (!world.isUncertain) {
    const reason = `it fails: ${there}`;
    return finding({ ...facts, rule: 'object-missing', safety: 'SAFE', reason, fails: true });
  }
  // Code whose effect is not known may have made it, and filled it from what is there.
  const reason = `${there} now; an earlier statement, whose effect is not known, may make it`;
  return finding({
    ...{ ...facts, rule: 'object-missing', safety: 'UNSAFE', reason },
    unmeasured: isOptional
      ? 'it is not known whether it will be there'
      : 'it is not there to be counted',
  });
}

/** What a statement would make is there already. */
export function exists(
  facts: Facts,
  { kind, name, isOptional }: { kind: string; name: string; isOptional: boolean },
): Finding {
  const there = `there is a ${kind} ${name} already`;
  if (isOptional) return nothingToDo(facts, there);
  const reason = `it fails: ${there}`;
  return finding({ ...facts, rule: 'object-exists', safety: 'SAFE', reason, fails: true });
}

export function nothingToDo(facts: Facts, why: string): Finding {
  const reason = `nothing happens: ${why}`;
  return finding({ ...facts, rule: 'nothing-to-do', safety: 'SAFE', reason });
}
