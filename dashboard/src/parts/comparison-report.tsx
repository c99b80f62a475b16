import type { RowSample, RowValues, TableRowDiff } from '../../../src/domain/row-diff';
import type { ComparedSide, Comparison, RowCountDifference } from '../answers';
import { formatCount, plural } from '../format';
import { Section } from './page';
import { SchemaDiff } from './schema-diff';
import { countKinds } from './schema-sides';
import { Notice } from './states';
import { Table } from './table';
import { Badge } from './values';
import '../styles/reports.css';

/** What a side of a comparison is called. */
const sideTitle = ({ tag }: ComparedSide): string => tag ?? 'now (live)';

/** Two states of a database: schema, numbers of rows, sequences, and rows where they were compared. */
export function ComparisonReport({ comparison }: { readonly comparison: Comparison }) {
  const { schema, rowCounts, sequences, data } = comparison;
  const [a, b] = [sideTitle(comparison.a), sideTitle(comparison.b)];
  return (
    <>
      <Summary comparison={comparison} />
      {schema.length > 0 && (
        <Section title="Schema">
          <div className="stack">
            <p>
              From “{a}” to “{b}”: {countKinds(schema)}.
            </p>
            <SchemaDiff changes={schema} before={a} after={b} />
          </div>
        </Section>
      )}
      {rowCounts.length > 0 && (
        <Section title="Number of rows">
          <div className="stack">
            <RowCounts rows={rowCounts} a={a} b={b} />
          </div>
        </Section>
      )}
      {data && data.length > 0 && (
        <Section title="Rows">
          <div className="stack">
            {data.map((table) => (
              <RowsOfTable key={table.table} diff={table} />
            ))}
          </div>
        </Section>
      )}
      {sequences.length > 0 && (
        <Section title="Sequences">
          <div className="stack">
            <Table
              caption="Sequences whose value differs"
              rows={sequences}
              keyOf={({ name }) => name}
              columns={[
                { title: 'Sequence', isName: true, cell: ({ name }) => <code>{name}</code> },
                { title: a, isNumber: true, cell: ({ expected }) => expected },
                { title: `${b} `, isNumber: true, cell: ({ actual }) => actual },
              ]}
            />
          </div>
        </Section>
      )}
    </>
  );
}

function Summary({ comparison }: { readonly comparison: Comparison }) {
  const { identical, schema, rowCounts, data } = comparison;
  if (identical) {
    return (
      <Notice look="ok" title="No difference">
        <p>
          {data
            ? 'The schema, the number of rows and the rows themselves are the same.'
            : 'The schema and the number of rows in every table are the same. Rows themselves were not compared.'}
        </p>
      </Notice>
    );
  }
  const tables = new Set([
    ...rowCounts.map(({ table }) => table),
    ...(data ?? []).map(({ table }) => table),
  ]);
  return (
    <Notice look="info" title="They differ">
      <p>
        Schema: {countKinds(schema)}. Data: {plural(tables.size, 'table')} with other rows.
      </p>
    </Notice>
  );
}

/** The difference, with its sign. */
function change({ a, b, unknown }: RowCountDifference): string {
  if (unknown) return 'not counted in time';
  if (a === null) return 'new table';
  if (b === null) return 'table gone';
  return `${b > a ? '+' : '−'}${formatCount(Math.abs(b - a))}`;
}

const countText = (count: number | null): string => (count === null ? '—' : formatCount(count));

function RowCounts(props: {
  readonly rows: readonly RowCountDifference[];
  readonly a: string;
  readonly b: string;
}) {
  return (
    <Table
      caption="Tables whose number of rows differs"
      rows={props.rows}
      keyOf={({ table }) => table}
      columns={[
        { title: 'Table', isName: true, cell: ({ table }) => <code>{table}</code> },
        { title: props.a, isNumber: true, cell: ({ a }) => countText(a) },
        { title: `${props.b} `, isNumber: true, cell: ({ b }) => countText(b) },
        { title: 'Difference', isNumber: true, cell: change },
      ]}
    />
  );
}

function RowsOfTable({ diff }: { readonly diff: TableRowDiff }) {
  const { table, added, removed, changed, samples, skipped } = diff;
  return (
    <section className="rows-of-table" aria-label={`Rows of ${table}`}>
      <h3>
        <code>{table}</code>
      </h3>
      <p>
        {plural(added, 'row')} added, {formatCount(removed)} removed, {formatCount(changed)} changed
        {diff.key === null && '; it has no key, so a changed row counts as removed and added'}.
      </p>
      {skipped && <p className="field-hint">{skipped}</p>}
      {samples.length > 0 && (
        <Table
          caption={`Rows of ${table} that differ: the first ${formatCount(samples.length)}`}
          rows={samples.map((sample, index) => ({ sample, index }))}
          keyOf={({ index }) => String(index)}
          columns={[
            { title: 'What', cell: ({ sample }) => <KindBadge kind={sample.kind} /> },
            { title: 'Key', isName: true, cell: ({ sample }) => <Values values={sample.key} /> },
            { title: 'Before', cell: ({ sample }) => <Values values={differing(sample).before} /> },
            { title: 'After', cell: ({ sample }) => <Values values={differing(sample).after} /> },
          ]}
        />
      )}
    </section>
  );
}

const kindLooks = { added: 'ok', removed: 'danger', changed: 'info' } as const;

const KindBadge = ({ kind }: Pick<RowSample, 'kind'>) => (
  <Badge look={kindLooks[kind]}>{kind}</Badge>
);

/** Of a changed row only what differs; of others everything but the key. */
function differing({ before, after, key }: RowSample): {
  readonly before: RowValues;
  readonly after: RowValues;
} {
  const pick = (values: RowValues | undefined, other: RowValues | undefined): RowValues =>
    Object.fromEntries(
      Object.entries(values ?? {}).filter(([column, value]) =>
        other ? other[column] !== value : !Object.hasOwn(key, column),
      ),
    );
  return { before: pick(before, after), after: pick(after, before) };
}

function Values({ values }: { readonly values: RowValues }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return <>—</>;
  return (
    <code className="row-values">
      {entries.map(([column, value]) => `${column} = ${value ?? 'NULL'}`).join(', ')}
    </code>
  );
}
