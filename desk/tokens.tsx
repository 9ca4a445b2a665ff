import { useState } from 'preact/hooks';
import type { TokenRow } from '../lib/emulator/desk/rows.js';
import type { Act } from './app.js';
import { NumberField, numberOf } from './number-field.js';
import { Cell, Table, TableRow } from './table.js';
import { duration, useTick } from './time.js';

interface Props {
  tokens: ReadonlyMap<number, TokenRow>;
  clockOffsetMs: number;
  act: Act;
}

const MINUTE_MS = 60_000;

export function Tokens({ tokens, clockOffsetMs, act }: Props) {
  const [minutes, setMinutes] = useState('60');
  useTick();
  const now = Date.now() + clockOffsetMs;
  const rows = [...tokens.values()].reverse();
  return (
    <section aria-labelledby="tokens-heading">
      <h2 id="tokens-heading">Tokens</h2>
      <div class="buttons">
        <button
          type="button"
          onClick={() =>
            act('revoke-app-jwts', {}, () => 'All AppJWTs were revoked. The Send API refuses them with 40102.')
          }
        >
          Revoke AppJWTs
        </button>
        <button
          type="button"
          onClick={() =>
            act('revoke-consumer-jws', {}, () => 'All ConsumerJWS were revoked. The Send API refuses them with 40103.')
          }
        >
          Revoke ConsumerJWS
        </button>
        <form
          class="pair"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            const ms = numberOf(minutes) * MINUTE_MS;
            void act('advance-clock', { ms }, () => `The clock was advanced by ${duration(ms)}.`);
          }}
        >
          <button type="submit">Advance clock</button>
          <NumberField label="Minutes" value={minutes} onChange={setMinutes} min="0" step="any" />
        </form>
      </div>
      <Table name="Tokens" columns={['Kind', 'Account or consumer', 'Token', 'State', 'Time left']}>
        {rows.map(({ id, kind, owner, mark, isRevoked, expiresAt }) => {
          const state = isRevoked ? 'revoked' : expiresAt !== undefined && expiresAt <= now ? 'expired' : 'valid';
          return (
            <TableRow key={id}>
              <Cell>{kind}</Cell>
              <Cell>{owner}</Cell>
              <Cell>{mark}</Cell>
              <Cell kind={state === 'valid' ? 'good' : 'bad'}>{state}</Cell>
              <Cell>{state !== 'valid' ? '–' : expiresAt === undefined ? 'no end' : duration(expiresAt - now)}</Cell>
            </TableRow>
          );
        })}
      </Table>
      {rows.length === 0 && <p class="hint">Tokens appear here when your connector asks for them.</p>}
    </section>
  );
}
