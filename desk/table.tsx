import type { ComponentChildren } from 'preact';

// A grid instead of the layout of a table lets rows fold on a narrow screen, and open. Some browsers then forget what a table is,
// so each part has its role.
const role = (name: 'table' | 'rowgroup' | 'row' | 'columnheader' | 'cell') => ({ role: name });
/** What scrolls can be scrolled by keyboard. */
const scrollable = { tabIndex: 0 };

export function Table({
  name,
  columns,
  children,
}: {
  name: string;
  columns: readonly string[];
  children: ComponentChildren;
}) {
  return (
    <div class="scroll" {...scrollable}>
      <table {...role('table')} aria-label={name} class={name.toLowerCase()}>
        <thead {...role('rowgroup')}>
          <tr {...role('row')}>
            {columns.map((column) => (
              <th key={column} {...role('columnheader')} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...role('rowgroup')}>{children}</tbody>
      </table>
    </div>
  );
}

export const TableRow = ({ children, kind = '' }: { children: ComponentChildren; kind?: string }) => (
  <tr {...role('row')} class={kind}>
    {children}
  </tr>
);

export const Cell = ({ children, kind = '' }: { children?: ComponentChildren; kind?: string }) => (
  <td {...role('cell')} class={kind}>
    {children}
  </td>
);
