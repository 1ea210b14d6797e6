// A table that is sorted by the heads of its columns.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export interface Column<Row> {
  name: string;
  /** What is shown. */
  cell(row: Row): ComponentChildren;
  /** What it is sorted by; without it, it is not. */
  value?(row: Row): string | number;
  /** Figures stand at the right, and are sorted from the largest. */
  number?: boolean;
  /** Only where there is room for it. */
  wide?: boolean;
}

interface TableProps<Row> {
  /** What it is called. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf(row: Row): number | string;
  /** Where a click on a row leads. */
  address?(row: Row): string;
  /** The column that it is sorted by at first. */
  by: string;
}

export function Table<Row>({ caption, columns, rows, keyOf, address, by }: TableProps<Row>) {
  const [order, setOrder] = useState({ by, turned: false });
  const sort = columns.find(({ name }) => name === order.by);
  const sorted = sort?.value === undefined ? rows : sortedBy(rows, sort, order.turned);
  const turn = ({ name }: Column<Row>) => setOrder({ by: name, turned: order.by === name && !order.turned });
  return (
    <table>
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => {
            const { name, number = false } = column;
            const down = number !== order.turned;
            const state = order.by !== name ? 'none' : down ? 'descending' : 'ascending';
            return (
              <th key={name} scope="col" class={classOf(column)} aria-sort={column.value && state}>
                {column.value === undefined ? (
                  name
                ) : (
                  <button type="button" onClick={() => turn(column)}>
                    {name}
                    <span aria-hidden="true">{state === 'none' ? '' : down ? ' ↓' : ' ↑'}</span>
                  </button>
                )}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody>
        {sorted.map((row) => (
          // Whoever has no pointer follows the link in the row's head.
          <tr key={keyOf(row)} class={address && 'leads'} onClick={address && (() => (location.hash = address(row)))}>
            {columns.map((column, n) =>
              n === 0 ? (
                <th key={column.name} scope="row" class={classOf(column)}>
                  {column.cell(row)}
                </th>
              ) : (
                <td key={column.name} class={classOf(column)}>
                  {column.cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const classOf = <Row,>({ number = false, wide = false }: Column<Row>): string =>
  `${number ? 'number' : ''} ${wide ? 'wide' : ''}`.trim();

function sortedBy<Row>(rows: readonly Row[], { value, number = false }: Column<Row>, turned: boolean): readonly Row[] {
  const sign = number !== turned ? -1 : 1;
  const of = value as (row: Row) => string | number;
  return rows.toSorted((one, other) => {
    const [a, b] = [of(one), of(other)];
    return sign * (typeof a === 'string' ? a.localeCompare(String(b)) : a - Number(b));
  });
}
