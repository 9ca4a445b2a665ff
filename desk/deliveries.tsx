import type { DeliveryRow } from '../lib/emulator/desk/rows.js';
import type { Act } from './app.js';
import { memo } from './memo.js';
import { Cell, Table, TableRow } from './table.js';

interface Props {
  deliveries: ReadonlyMap<number, DeliveryRow>;
  epoch: string;
  act: Act;
}

export function Deliveries({ deliveries, epoch, act }: Props) {
  const rows = [...deliveries.values()].reverse();
  return (
    <section aria-labelledby="deliveries-heading">
      <h2 id="deliveries-heading">Deliveries to the webhook</h2>
      <Table name="Deliveries" columns={['Event', 'State', 'Attempts', 'Again']}>
        {rows.map((row) => (
          <Delivery key={`${epoch}-${row.id}`} row={row} epoch={epoch} act={act} />
        ))}
      </Table>
      {rows.length === 0 && <p class="hint">Events for your connector's webhook appear here, newest first.</p>}
    </section>
  );
}

const Delivery = memo(({ row, epoch, act }: { row: DeliveryRow; epoch: string; act: Act }) => {
  const { id, type, state, attempts, failure } = row;
  return (
    <TableRow>
      <Cell>{type}</Cell>
      <Cell kind={state === 'delivered' ? 'good' : 'bad'}>
        {state}
        {failure !== undefined && ` (${failure})`}
      </Cell>
      <Cell>{attempts}</Cell>
      <Cell>
        <button
          type="button"
          onClick={() => act('desk/redeliver', { epoch, id }, () => `The event ${type} is posted once more.`)}
        >
          Redeliver
        </button>
      </Cell>
    </TableRow>
  );
});
