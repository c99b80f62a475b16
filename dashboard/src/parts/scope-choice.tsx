import type { Scope } from '../../../src/contract/scope';
import { Choice, Choices } from './form';

const meanings: readonly (readonly [Scope, string])[] = [
  [
    'checkpoint',
    'Make checkpoints and snapshots. No data, no restore, no deletion: for deploy scripts.',
  ],
  ['read', 'See timelines, schemas, ledgers and comparisons, rows included.'],
  [
    'restore',
    'Read and checkpoint, and change databases: restore, undo, branches, rehearsals, rollbacks.',
  ],
  ['admin', 'Everything, with databases, tokens, people, schedules, webhooks and deletions.'],
];

/** What somebody or something may do. */
export function ScopeChoice(props: {
  readonly legend: string;
  readonly value: Scope;
  readonly onChange: (scope: Scope) => void;
}) {
  return (
    <Choices legend={props.legend}>
      {meanings.map(([scope, meaning]) => (
        <Choice
          key={scope}
          type="radio"
          name="scope"
          label={scope}
          hint={meaning}
          isChecked={props.value === scope}
          onChange={() => props.onChange(scope)}
        />
      ))}
    </Choices>
  );
}
