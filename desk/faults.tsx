import { useState } from 'preact/hooks';
import type { Facts } from '../lib/emulator/desk/rows.js';
import type { Act } from './app.js';
import { NumberField, numberOf } from './number-field.js';

const SERVICES = ['send', 'conversation', 'sentinel', 'idp', 'domain'];

export function Faults({ waiting, act }: { waiting: Facts['faults']; act: Act }) {
  const [service, setService] = useState('send');
  const [status, setStatus] = useState('503');
  const [times, setTimes] = useState('1');

  function inject(event: Event) {
    event.preventDefault();
    const fault = { service, status: numberOf(status), times: numberOf(times) };
    void act('fail-next', fault, () => `The next answers of ${service} are ${status}: ${times} in a row.`);
  }

  return (
    <section aria-labelledby="faults-heading">
      <h2 id="faults-heading">Faults</h2>
      <form aria-label="Inject a fault" class="buttons" noValidate onSubmit={inject}>
        <label>
          Service{' '}
          <select value={service} onChange={({ currentTarget }) => setService(currentTarget.value)}>
            {SERVICES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <NumberField label="Status" value={status} onChange={setStatus} min="200" max="599" />
        <NumberField label="Times" value={times} onChange={setTimes} min="1" />
        <button type="submit">Inject</button>
      </form>
      <p class="hint">
        {waiting.length === 0
          ? 'No fault waits.'
          : `Waiting: ${waiting.map((fault) => `${fault.count} for ${fault.service}`).join(', ')}.`}
      </p>
    </section>
  );
}
