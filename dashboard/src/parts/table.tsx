import type { ReactNode } from 'react';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers stand at the right, with figures of one width. */
  readonly isNumber?: boolean;
  /** Names the row to people who hear it cell by cell. One column of a table. */
  readonly isName?: boolean;
}

/** A table that scrolls within itself where the screen is narrow. */
export function Table<Row>(props: {
  /** Says what it shows; heard, not seen, unless `showCaption`. */
  readonly caption: string;
  readonly showCaption?: boolean;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** A row that stands out. */
  readonly markOf?: (row: Row) => 'ok' | 'warn' | 'danger' | undefined;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard.
    <section className="table-scroll" aria-label={props.caption} tabIndex={0}>
      <table className="table">
        <caption className={props.showCaption ? undefined : 'visually-hidden'}>
          {props.caption}
        </caption>
        <thead>
          <tr>
            {props.columns.map(({ title, isNumber }) => (
              <th key={title} scope="col" className={isNumber ? 'number' : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => {
            const mark = props.markOf?.(row);
            return (
              <tr key={props.keyOf(row)} className={mark && `row-${mark}`}>
                {props.columns.map((column) => (
                  <Cell key={column.title} column={column} row={row} />
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Cell<Row>({ column, row }: { readonly column: Column<Row>; readonly row: Row }) {
  const className = column.isNumber ? 'number' : undefined;
  return column.isName ? (
    <th scope="row" className={className}>
      {column.cell(row)}
    </th>
  ) : (
    <td className={className}>{column.cell(row)}</td>
  );
}
