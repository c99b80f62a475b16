import { useState } from 'react';
import type { Snapshot } from '../../../src/domain/snapshot';
import { timelineAddress } from '../addresses';
import { formatCount } from '../format';
import { orderProblem, type RestoreOrder } from '../restore-order';
import { tagProblem } from '../tag';
import { Button, ButtonLink } from './button';
import { Choice, Choices, Field, Form } from './form';

/** Where a snapshot is to be restored. Nothing is changed by it yet. */
export function RestoreForm(props: {
  readonly database: string;
  readonly snapshot: Snapshot;
  readonly order: RestoreOrder;
  readonly isBusy: boolean;
  readonly onChange: (order: RestoreOrder) => void;
  readonly onSubmit: () => void;
}) {
  const { database, snapshot, order, onChange } = props;
  const [isChecked, setChecked] = useState(false);
  const problem = orderProblem(order);
  const saveProblem =
    order.way === 'here' && order.save.trim() !== '' ? tagProblem(order.save.trim()) : undefined;
  const submit = () => {
    setChecked(true);
    if (!problem && !saveProblem) props.onSubmit();
  };
  const choose = (way: RestoreOrder['way']) => () => onChange({ ...order, way });
  const shown = isChecked ? problem : undefined;
  return (
    <Form label="Restore" onSubmit={submit}>
      <Choices legend={`Where should ${snapshot.tag} go?`}>
        <Choice
          type="radio"
          name="way"
          label={`Into ${database}, in place of what is there`}
          hint="What is there now is kept, and can be brought back with Undo."
          isChecked={order.way === 'here'}
          onChange={choose('here')}
        />
        <Choice
          type="radio"
          name="way"
          label="Into a new database, for testing"
          hint={`${database} stays as it is.`}
          isChecked={order.way === 'new'}
          onChange={choose('new')}
        />
        <Choice
          type="radio"
          name="way"
          label={`Only some tables, into ${database}`}
          hint="The other tables stay as they are."
          isChecked={order.way === 'tables'}
          isDisabled={snapshot.fingerprint === null}
          onChange={choose('tables')}
        />
      </Choices>
      {order.way === 'new' && (
        <Field label="Name of the new database" hint="It is made on the same server." error={shown}>
          {(control) => (
            <input
              {...control}
              value={order.to}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => onChange({ ...order, to: event.target.value })}
            />
          )}
        </Field>
      )}
      {order.way === 'tables' && <TableChoices {...{ snapshot, order, onChange, error: shown }} />}
      {order.way === 'here' && (
        <Field
          label="Tag for what is there now"
          isOptional
          hint="It is kept either way; without a tag of yours it gets one with the time."
          error={isChecked ? saveProblem : undefined}
        >
          {(control) => (
            <input
              {...control}
              value={order.save}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => onChange({ ...order, save: event.target.value })}
            />
          )}
        </Field>
      )}
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={props.isBusy}>
          {order.way === 'new' ? 'Continue' : 'Show what would be replaced'}
        </Button>
        <ButtonLink href={timelineAddress(database)}>Cancel</ButtonLink>
      </div>
    </Form>
  );
}

function TableChoices(props: {
  readonly snapshot: Snapshot;
  readonly order: RestoreOrder;
  readonly error: string | undefined;
  readonly onChange: (order: RestoreOrder) => void;
}) {
  const { order, onChange } = props;
  const [words, setWords] = useState('');
  const counts = Object.entries(props.snapshot.fingerprint?.rowCounts ?? {});
  const shown = counts.filter(([table]) => table.toLowerCase().includes(words.toLowerCase()));
  const toggle = (table: string, isChosen: boolean) => {
    const others = order.tables.filter((one) => one !== table);
    onChange({ ...order, tables: isChosen ? [...others, table] : others });
  };
  return (
    <Choices
      legend="Tables"
      hint={order.tables.length > 0 ? `Chosen: ${order.tables.join(', ')}` : undefined}
      error={props.error}
    >
      {counts.length > 8 && (
        <Field label="Find a table">
          {(control) => (
            <input
              {...control}
              type="search"
              value={words}
              onChange={(event) => setWords(event.target.value)}
            />
          )}
        </Field>
      )}
      <div className="table-choices">
        {shown.slice(0, 200).map(([table, rows]) => (
          <Choice
            key={table}
            type="checkbox"
            label={
              <>
                {table} <span className="muted">{formatCount(rows)} rows</span>
              </>
            }
            isChecked={order.tables.includes(table)}
            onChange={(isChosen) => toggle(table, isChosen)}
          />
        ))}
        {shown.length > 200 && (
          <p className="muted">{shown.length - 200} more: write a part of a name to find them.</p>
        )}
        {shown.length === 0 && <p className="muted">No table has that in its name.</p>}
      </div>
    </Choices>
  );
}
