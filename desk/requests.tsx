import { useMemo, useState } from 'preact/hooks';
import type { RequestDetails, RequestRow } from '../lib/emulator/desk/rows.js';
import { getRequest } from './api.js';
import { memo } from './memo.js';
import { Cell, Table, TableRow } from './table.js';
import { clockTime } from './time.js';

export function Requests({ requests, epoch }: { requests: ReadonlyMap<number, RequestRow>; epoch: string }) {
  const rows = useMemo(() => arrange(requests), [requests]);
  return (
    <section aria-labelledby="requests-heading">
      <h2 id="requests-heading">Requests</h2>
      <Table name="Requests" columns={['Time', 'Service', 'Status', 'Error code', 'Tokens']}>
        {rows.map((row) => (
          <Request key={`${epoch}-${row.id}`} row={row} epoch={epoch} />
        ))}
      </Table>
      {rows.length === 0 && <p class="hint">Requests of your connector appear here, newest first.</p>}
    </section>
  );
}

/** Newest first. A replay stands below the request that it repeats. */
function arrange(requests: ReadonlyMap<number, RequestRow>): RequestRow[] {
  const replaysOf = new Map<number, RequestRow[]>();
  const firsts: RequestRow[] = [];
  for (const row of requests.values()) {
    if (row.replayOf === undefined || !requests.has(row.replayOf)) firsts.push(row);
    else replaysOf.set(row.replayOf, [...(replaysOf.get(row.replayOf) ?? []), row]);
  }
  const withReplays = (row: RequestRow): RequestRow[] => [row, ...(replaysOf.get(row.id) ?? []).flatMap(withReplays)];
  return firsts.reverse().flatMap(withReplays);
}

const Request = memo(({ row, epoch }: { row: RequestRow; epoch: string }) => {
  const { id, time, service, method, path, status, errorCode, appJwt, consumerJws, replayOf, warnings } = row;
  const [details, setDetails] = useState<RequestDetails | string>();
  const tokens = [appJwt && `AppJWT ${appJwt}`, consumerJws && `ConsumerJWS ${consumerJws}`].filter(Boolean).join(', ');

  function toggle() {
    if (details !== undefined) return setDetails(undefined);
    setDetails('');
    getRequest(epoch, id).then(setDetails, ({ message }: Error) => setDetails(message));
  }

  return (
    <TableRow kind={replayOf === undefined ? '' : 'replay'}>
      <Cell>
        <button type="button" class="opener" aria-expanded={details !== undefined} onClick={toggle}>
          {clockTime(time)}
        </button>
      </Cell>
      <Cell>
        {service}
        {replayOf !== undefined && <span class="badge">replay</span>}
      </Cell>
      <Cell kind={status >= 200 && status < 400 ? 'good' : 'bad'}>{status || 'none'}</Cell>
      <Cell>{errorCode}</Cell>
      <Cell>{tokens}</Cell>
      {details !== undefined && (
        <Cell kind="details">
          <pre>
            {method} {path}
            {warnings.map((warning) => `\nwarning: ${warning}`).join('')}
          </pre>
          {typeof details === 'string' ? <p>{details}</p> : <Details {...details} />}
        </Cell>
      )}
    </TableRow>
  );
});

function Details({ headers, body }: RequestDetails) {
  return (
    <>
      <pre>{headers.map(([name, value]) => `${name}: ${value}`).join('\n')}</pre>
      {body !== '' && <pre>{pretty(body)}</pre>}
    </>
  );
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), undefined, 2);
  } catch {
    return body;
  }
}
