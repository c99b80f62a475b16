import type { Impact, ImpactPlan, StatementImpact } from '../../../src/domain/impact';
import { formatCount, plural } from '../format';
import { Section } from './page';
import {
  type Finding,
  findingOf,
  findingWords,
  lockWords,
  lossWords,
  verdictOf,
} from './plan-findings';
import { SafetyBadge } from './safety-badge';
import { Notice } from './states';
import { Badge, Facts, Time } from './values';
import '../styles/reports.css';

const findingLooks: Readonly<Record<Finding, 'ok' | 'warn' | 'danger' | 'neutral'>> = {
  ...{ loss: 'danger', fails: 'danger', unknown: 'warn', risky: 'warn', waits: 'warn' },
  ...{ briefly: 'neutral', harmless: 'ok' },
};

const toneLooks = { good: 'ok', warn: 'warn', bad: 'danger' } as const;

/** What a migration would do to the data that is there now, statement by statement. */
export function ImpactReport({ plan }: { readonly plan: ImpactPlan }) {
  const { statements, totals, notes, measuredAt } = plan;
  const verdict = verdictOf(plan);
  return (
    <>
      <Notice look={toneLooks[verdict.tone]} title={verdict.text}>
        <p>
          <SafetyBadge safety={plan.safety} /> Measured on the live database{' '}
          <Time at={measuredAt} />; nothing was changed.
        </p>
      </Notice>
      <Facts
        facts={[
          ['Statements', formatCount(totals.statements)],
          ['Records at risk', formatCount(totals.recordsAtRisk)],
          ['Rows affected', formatCount(totals.rowsAffected)],
          ['Not known exactly', formatCount(totals.unknown)],
        ]}
      />
      <Section title="Statement by statement">
        <div className="stack">
          <ol className="statements">
            {statements.map((statement) => (
              <Statement key={statement.index} statement={statement} />
            ))}
          </ol>
        </div>
      </Section>
      <Notes notes={notes} />
    </>
  );
}

/** What somebody should know of the whole. */
export function Notes({ notes }: { readonly notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <Section title="Notes">
      <div className="stack">
        <ul className="notes">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </div>
    </Section>
  );
}

function Statement({ statement }: { readonly statement: StatementImpact }) {
  const { index, line, sql, safety, impacts, waivers, transactional } = statement;
  return (
    <li className="statement">
      <h3>
        Statement {index} <SafetyBadge safety={safety} />{' '}
        <span className="statement-place">line {line}</span>
      </h3>
      <Sql sql={sql} label={`SQL of statement ${index}`} />
      {!transactional && (
        <p className="field-hint">PostgreSQL runs it outside of a transaction only.</p>
      )}
      {impacts.length === 0 && <p>It loses nothing and holds nobody up.</p>}
      <ul className="impacts">
        {impacts.map((impact) => (
          <li key={`${impact.rule} ${impact.operation} ${impact.object}`}>
            <ImpactLines impact={impact} />
          </li>
        ))}
      </ul>
      {waivers.map(({ rule, reason }) => (
        <p key={rule} className="field-hint">
          Allowed by a comment: <code>{rule}</code>, because {reason}
        </p>
      ))}
    </li>
  );
}

/** SQL as it is: to be read and copied. What is long scrolls within itself. */
export function Sql({ sql, label }: { readonly sql: string; readonly label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard.
    <section className="sql" aria-label={label} tabIndex={0}>
      <pre>
        <code>{sql.trim()}</code>
      </pre>
    </section>
  );
}

function ImpactLines({ impact }: { readonly impact: Impact }) {
  const finding = findingOf(impact);
  const [loss, lock] = [lossWords(impact), lockWords(impact)];
  const { operation, object, reason, samples, saferWay, because, after, wouldFail } = impact;
  return (
    <>
      <p className="impact-head">
        <Badge look={findingLooks[finding]}>{findingWords[finding]}</Badge>{' '}
        <strong>{operation}</strong> <code>{object}</code>
        {because && (
          <>
            {' '}
            (goes with <code>{because}</code>)
          </>
        )}
      </p>
      <p>{reason}</p>
      <ul className="impact-facts">
        {wouldFail && impact.rowsAffected ? (
          <li>fails on {plural(impact.rowsAffected, 'row')}</li>
        ) : (
          loss && <li>{loss}</li>
        )}
        {lock && <li>lock: {lock}</li>}
        {impact.tableRows != null && impact.tableRows >= 0 && (
          <li>its table has about {plural(impact.tableRows, 'row')}</li>
        )}
        {after.length > 0 && <li>as it is now: statement {after.join(', ')} may change that</li>}
        {samples.length > 0 && <li>for example {samples.join(', ')}</li>}
      </ul>
      {saferWay && (
        <details>
          <summary>A safer way</summary>
          <Sql sql={saferWay} label="A safer way" />
        </details>
      )}
    </>
  );
}
