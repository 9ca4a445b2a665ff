import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stopConnectors } from '../support/connector.js';
import { type Neighbour, type Order, sendsById, tell } from '../support/neighbour.js';

afterEach(stopConnectors);

const FOLDER = join(__dirname, 'neighbours');
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'));
const load = async (file: string): Promise<Neighbour> => {
  const module = (await import(join(FOLDER, file))) as { default: Neighbour };
  return module.default;
};

const EITHER_ORDER: Order[] = ['before us', 'after us'];

describe.each(files)('beside neighbours/%s', (file) => {
  it.each(EITHER_ORDER)('installed %s: it sees, and callers get, what they would without us', async (order) => {
    const neighbour = await load(file);
    const without = await tell(neighbour);
    const { notes, outcomes, others, cloud } = await tell(neighbour, order);
    expect(notes).toEqual(without.notes);
    expect(outcomes).toEqual(without.outcomes);
    expect(others).toBe(without.others);

    const sends = sendsById(cloud);
    const counts = Object.fromEntries([...sends].map(([id, list]) => [id, list.length]));
    // Where there is no axios-retry, what was unavailable is sent but once.
    const unavailable = sendsById(without.cloud).get('unavailable')?.length;
    expect(counts).toEqual({
      accepted: 1,
      'AppJWT refused': 2,
      'ConsumerJWS refused': 2,
      'refused for good': 2,
      'in error': 1,
      unavailable,
      'accepted in the end': 1,
    });
    for (const list of sends.values()) {
      for (const { headers, body } of list) {
        expect(cloud.issued.appJwt).toContain(headers.authorization);
        expect(cloud.issued.consumerJws.get('c')).toContain(headers['x-lp-on-behalf']);
        expect(headers['x-on-behalf']).toBe(headers['x-lp-on-behalf']);
        expect(body).toBe(list[0]?.body);
      }
    }
    // One for each refusal, and one for the first of all.
    expect([cloud.count('domain'), cloud.count('sentinel'), cloud.count('idp')]).toEqual([1, 4, 2]);

    const tokens = [...cloud.issued.appJwt, ...(cloud.issued.consumerJws.get('c') ?? [])];
    for (const { headers } of cloud.seen.filter(({ service }) => service === 'other')) {
      for (const token of tokens) expect(JSON.stringify(headers)).not.toContain(token);
    }
  });
});

it('every neighbour has its row in docs/interceptors.md, and every row its neighbour', async () => {
  const page = readFileSync(resolve(__dirname, '../../docs/interceptors.md'), 'utf8');
  const table = /\n## Neighbours\n[\s\S]*?\n\n(?=\|)([\s\S]*?)\n\n/.exec(page)?.[1] ?? '';
  const rows = table.split('\n').slice(2);
  const named = rows.map((row) => row.split('|')[1]?.trim());
  const names = await Promise.all(files.map(async (file) => (await load(file)).name));
  expect(named.sort()).toEqual(names.sort());
});
