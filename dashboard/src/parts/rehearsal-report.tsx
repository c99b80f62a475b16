import type { Rehearsal, RehearsedTable } from '../../../src/domain/rehearsal';
import { formatBytes, formatCount, formatDuration, plural } from '../format';
import { Notes, Sql } from './impact-report';
import { Section } from './page';
import {
  columnWords,
  heldWords,
  lockEffect,
  modeWords,
  probeWords,
  rehearsalVerdict,
  rowWords,
  sourceWords,
  tableWords,
  untouchedWords,
} from './rehearsal-words';
import { SchemaDiff } from './schema-diff';
import { Notice } from './states';
import { Table } from './table';
import { Badge, Facts } from './values';
import '../styles/reports.css';

/** Of each list; the rest is counted. */
const most = { locks: 20, statements: 10, tables: 50 };

/** What a migration really did, on a copy that was thrown away. */
export function RehearsalReport({ rehearsal }: { readonly rehearsal: Rehearsal }) {
  const { look, title } = rehearsalVerdict(rehearsal);
  const { exceeded, schema, sequences, notes } = rehearsal;
  return (
    <>
      <Notice look={look} title={title}>
        {exceeded.map(({ threshold, message }) => (
          <p key={threshold}>Refused: {message}</p>
        ))}
        <p>It ran on {sourceWords(rehearsal)}. The copy is gone again.</p>
      </Notice>
      <FactsOf rehearsal={rehearsal} />
      <Errors rehearsal={rehearsal} />
      <TablesPart rehearsal={rehearsal} />
      {schema.length > 0 && (
        <Section title="Schema afterwards">
          <div className="stack">
            <SchemaDiff changes={schema} before="Before" after="After" />
          </div>
        </Section>
      )}
      <Probes rehearsal={rehearsal} />
      <Locks rehearsal={rehearsal} />
      <Longest rehearsal={rehearsal} />
      {sequences.length > 0 && (
        <Section title="Sequences moved">
          <div className="stack">
            <Table
              caption="Sequences before and after"
              rows={sequences}
              keyOf={({ sequence }) => sequence}
              columns={[
                {
                  title: 'Sequence',
                  isName: true,
                  cell: ({ sequence }) => <code>{sequence}</code>,
                },
                { title: 'Before', isNumber: true, cell: ({ before }) => before ?? 'none' },
                { title: 'After', isNumber: true, cell: ({ after }) => after ?? 'gone' },
              ]}
            />
          </div>
        </Section>
      )}
      <Notes notes={notes} />
    </>
  );
}

function FactsOf({ rehearsal }: { readonly rehearsal: Rehearsal }) {
  const { durationMs, walBytes, tablesCompared, tablesUntouched, recordsLost, untouched } =
    rehearsal;
  const evidence = untouched.evidence.join(' ');
  return (
    <Facts
      facts={[
        ['Records lost', formatCount(recordsLost)],
        ['Values changed', formatCount(rehearsal.valuesChanged)],
        ['It took', formatDuration(durationMs)],
        ['Longest full lock', formatDuration(rehearsal.exclusiveLockMs)],
        ...(walBytes === null ? [] : [['Written to the log', formatBytes(walBytes)] as const]),
        [
          'Tables',
          `${formatCount(tablesCompared)} compared, ${formatCount(tablesUntouched)} not written to`,
        ],
        [
          'Real database',
          <>
            <Badge look={untouched.status === 'touched' ? 'danger' : 'ok'}>
              {untouchedWords[untouched.status]}
            </Badge>{' '}
            {evidence}
          </>,
        ],
      ]}
    />
  );
}

function Errors({ rehearsal: { errors } }: { readonly rehearsal: Rehearsal }) {
  if (errors.length === 0) return null;
  return (
    <Section title="Why it fails">
      <div className="stack">
        {errors.map(({ message, sqlState, line, statement }) => (
          <div key={`${line} ${message}`} className="rehearsal-error">
            <p>
              {line !== null && `Line ${line}: `}
              <strong>{message}</strong>
              {sqlState && (
                <>
                  {' '}
                  (<code>{sqlState}</code>)
                </>
              )}
            </p>
            {statement && <Sql sql={statement} label="The statement that fails" />}
          </div>
        ))}
      </div>
    </Section>
  );
}

function TablesPart({ rehearsal: { tables } }: { readonly rehearsal: Rehearsal }) {
  if (tables.length === 0) return null;
  return (
    <Section title="Rows and values">
      <div className="stack">
        <ul className="rehearsed-tables">
          {tables.slice(0, most.tables).map((table) => (
            <li key={table.table}>
              <TableLines table={table} />
            </li>
          ))}
        </ul>
        <More all={tables.length} shown={most.tables} what="table" />
      </div>
    </Section>
  );
}

function TableLines({ table }: { readonly table: RehearsedTable }) {
  const { rowsDeleted, valuesLost, rowsBefore, rowsAfter } = table;
  return (
    <>
      <h3>
        <code>{table.table}</code>{' '}
        {rowsDeleted + valuesLost > 0 && <Badge look="danger">data lost</Badge>}
      </h3>
      <p>
        {tableWords(table)}; {formatCount(rowsBefore)} → {plural(rowsAfter, 'row')}
      </p>
      {table.columns.length > 0 && (
        <ul>
          {table.columns.map((column) => (
            <li key={`${column.change} ${column.column}`}>
              <code>{column.column}</code>: {columnWords(column)}
            </li>
          ))}
        </ul>
      )}
      {table.samples.length > 0 && (
        <details>
          <summary>Examples</summary>
          <ul>
            {table.samples.map((row) => (
              <li key={rowWords(row)}>{rowWords(row)}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Probes({ rehearsal: { probes } }: { readonly rehearsal: Rehearsal }) {
  if (probes.length === 0) return null;
  return (
    <Section title="The application’s own queries">
      <div className="stack">
        <Table
          caption="The application’s own queries, before and after"
          rows={probes}
          keyOf={({ line, sql }) => `${line} ${sql}`}
          columns={[
            { title: 'Query', isName: true, cell: ({ sql }) => <code>{sql}</code> },
            { title: 'Verdict', cell: ({ verdict }) => verdict },
            { title: 'Why', cell: probeWords },
          ]}
        />
      </div>
    </Section>
  );
}

function Locks({ rehearsal: { locks, sampleIntervalMs } }: { readonly rehearsal: Rehearsal }) {
  if (locks.length === 0) return null;
  const isSampled = locks.some(({ heldMs, heldAtMostMs }) => heldMs !== heldAtMostMs);
  return (
    <Section title="Locks">
      <div className="stack">
        <Table
          caption="Locks that were held, longest first"
          rows={locks.slice(0, most.locks).map((lock, index) => ({ lock, index }))}
          keyOf={({ index }) => String(index)}
          columns={[
            { title: 'Object', isName: true, cell: ({ lock }) => <code>{lock.object}</code> },
            { title: 'Held', isNumber: true, cell: ({ lock }) => heldWords(lock) },
            { title: 'Mode', cell: ({ lock }) => modeWords(lock.mode) },
            { title: 'Meanwhile, for others', cell: ({ lock }) => lockEffect(lock) },
          ]}
        />
        <More all={locks.length} shown={most.locks} what="lock" />
        {isSampled && sampleIntervalMs !== null && (
          <p className="field-hint">
            Seen every {formatDuration(sampleIntervalMs)}: shorter ones may be missing.
          </p>
        )}
      </div>
    </Section>
  );
}

function Longest({ rehearsal: { statements } }: { readonly rehearsal: Rehearsal }) {
  if (statements.length === 0) return null;
  return (
    <Section title="Longest statements">
      <div className="stack">
        <Table
          caption="Statements, longest first"
          rows={statements
            .slice(0, most.statements)
            .map((statement, index) => ({ statement, index }))}
          keyOf={({ index }) => String(index)}
          columns={[
            {
              title: 'Statement',
              isName: true,
              cell: ({ statement }) => <code className="one-line">{statement.sql}</code>,
            },
            {
              title: 'Took',
              isNumber: true,
              cell: ({ statement: { exact, durationMs } }) =>
                `${exact ? '' : 'at least '}${formatDuration(durationMs)}`,
            },
          ]}
        />
        <More all={statements.length} shown={most.statements} what="statement" />
      </div>
    </Section>
  );
}

function More(props: { readonly all: number; readonly shown: number; readonly what: string }) {
  if (props.all <= props.shown) return null;
  return (
    <p className="field-hint">… and {plural(props.all - props.shown, `more ${props.what}`)}.</p>
  );
}
