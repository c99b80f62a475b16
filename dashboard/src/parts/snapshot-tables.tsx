import { useState } from 'react';
import type { Snapshot } from '../../../src/domain/snapshot';
import { plural } from '../format';
import { Button } from './button';
import { Field } from './form';
import { Table } from './table';
import { Count } from './values';

/** Its tables with their rows, and its sequences. */
export function SnapshotTables({ snapshot }: { readonly snapshot: Snapshot }) {
  const [words, setWords] = useState('');
  const [isWhole, setWhole] = useState(false);
  const { fingerprint } = snapshot;
  if (!fingerprint) return <p className="muted">They were not counted.</p>;
  const all = Object.entries(fingerprint.rowCounts);
  if (all.length === 0) return <p className="muted">It has no tables.</p>;
  const found = all.filter(([table]) => table.toLowerCase().includes(words.toLowerCase()));
  const shown = isWhole ? found : found.slice(0, 100);
  return (
    <div className="stack">
      {all.length > 10 && (
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
      <Table
        caption={`Tables of ${snapshot.tag}`}
        columns={[
          { title: 'Table', cell: ([table]) => table, isName: true },
          { title: 'Rows', cell: ([, rows]) => <Count value={rows} />, isNumber: true },
        ]}
        rows={shown}
        keyOf={([table]) => table}
      />
      {shown.length < found.length && (
        <div>
          <Button onClick={() => setWhole(true)}>Show all {plural(found.length, 'table')}</Button>
        </div>
      )}
      {Object.keys(fingerprint.sequences).length > 0 && (
        <details>
          <summary>{plural(Object.keys(fingerprint.sequences).length, 'sequence')}</summary>
          <Table
            caption={`Sequences of ${snapshot.tag}`}
            columns={[
              { title: 'Sequence', cell: ([name]) => name, isName: true },
              {
                title: 'Last value',
                cell: ([, { lastValue, isCalled }]) =>
                  isCalled ? lastValue : `${lastValue} (not used yet)`,
                isNumber: true,
              },
            ]}
            rows={Object.entries(fingerprint.sequences)}
            keyOf={([name]) => name}
          />
        </details>
      )}
    </div>
  );
}
