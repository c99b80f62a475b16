import { SafetyBadge } from './safety-badge';
import { countKinds, groupChanges, type ShownChange, type SideChange } from './schema-sides';
import { Badge } from './values';
import '../styles/reports.css';

const looks = { added: 'ok', removed: 'danger', changed: 'info' } as const;

/**
 * Two schemas beside each other, object by object; what is the same on both is left out.
 * @param props.before what the left side is called, e.g. the tag of a snapshot
 */
export function SchemaDiff(props: {
  readonly changes: readonly ShownChange[];
  readonly before: string;
  readonly after: string;
}) {
  const { changes, before, after } = props;
  return (
    <div className="schema-diff">
      {groupChanges(changes).map(({ title, changes: list }) => (
        <section key={title} className="schema-group" aria-label={`Schema of ${title}`}>
          <h3>
            <code>{title}</code>{' '}
            <span className="schema-count">{countKinds(list.map(({ change }) => change))}</span>
          </h3>
          <table className="schema-sides">
            <caption className="visually-hidden">{`What differs in ${title}`}</caption>
            <thead>
              <tr>
                <th scope="col">{before}</th>
                <th scope="col">{after}</th>
              </tr>
            </thead>
            {list.map((one) => (
              <Change
                key={`${one.change.kind} ${one.change.object} ${one.change.name}`}
                one={one}
              />
            ))}
          </table>
        </section>
      ))}
    </div>
  );
}

function Change({ one }: { readonly one: SideChange }) {
  const { change, shortName, lines } = one;
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" colSpan={2} className="schema-change">
          {change.object} <code>{shortName}</code>{' '}
          <Badge look={looks[change.kind]}>{change.kind}</Badge>{' '}
          {change.safety && change.safety !== 'SAFE' && <SafetyBadge safety={change.safety} />}
          {change.reason && <span className="schema-reason"> {change.reason}</span>}
        </th>
      </tr>
      {lines.map(({ label, before, after }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines of one text have no identity but their place.
        <tr key={index}>
          <Side label={label} text={before} other={after} side="before" />
          <Side label={label} text={after} other={before} side="after" />
        </tr>
      ))}
    </tbody>
  );
}

function Side(props: {
  readonly label: string;
  readonly text: string | null;
  readonly other: string | null;
  readonly side: 'before' | 'after';
}) {
  const { label, text, other, side } = props;
  if (text === null) return <td className="schema-none">—</td>;
  const words = (
    <>
      {label && <span className="schema-label">{label}: </span>}
      {text}
    </>
  );
  if (text === other) return <td>{words}</td>;
  return side === 'before' ? (
    <td className="schema-before">
      <del>{words}</del>
    </td>
  ) : (
    <td className="schema-after">
      <ins>{words}</ins>
    </td>
  );
}
