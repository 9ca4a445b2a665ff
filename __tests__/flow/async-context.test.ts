import { lastValueFrom, type Observable } from 'rxjs';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import type { CommonOptions, ConnectorAuth } from '../../lib/index.js';
import { SNIPPETS } from '../support/async-context-page.js';
import { type Cloud, startCloud } from '../support/cloud.js';
import { createAuth, rejection, stopConnectors } from '../support/connector.js';

afterEach(stopConnectors);

type Send<Sent> = (consumer: string, text: string) => Sent;
type Snippet<Sent> = Record<'wrong' | 'right', Send<Sent>>;

/** Runs the page's connector against a new cloud. `load` loads the page's other snippets. */
async function startPage() {
  const cloud = await startCloud();
  const modules: Record<string, unknown> = {
    // The page's connector has no setting for the cloud, because its readers use LivePerson's.
    'axios-liveperson-auth': { createConnectorAuth: (options: CommonOptions) => createAuth(cloud, options) },
  };
  function load<Exports>(file: string): Exports {
    const { outputText } = transpileModule(SNIPPETS.get(file) ?? '', {
      compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true },
    });
    const exports = {} as Exports;
    new Function('require', 'exports', outputText)((name: string) => modules[name] ?? require(name), exports);
    return exports;
  }
  const connector = load<{ auth: ConnectorAuth }>('connector.ts');
  modules['./connector.js'] = connector;
  return { cloud, load, auth: connector.auth };
}

/** The consumer that each text was sent for, as the server saw it. */
function sendersIn(cloud: Cloud): [text: string, consumer: string | undefined][] {
  const consumers = [...cloud.issued.consumerJws];
  return cloud.seen
    .filter(({ service }) => service === 'send')
    .map(({ body, headers }) => [
      JSON.parse(body).body.event.message,
      consumers.find(([, tokens]) => tokens.includes(String(headers['x-lp-on-behalf'])))?.[0],
    ]);
}

const ORDERS = [
  ['A', 'B'],
  ['B', 'A'],
] as const;
const QUEUES = ['p-queue.ts', 'dataloader.ts', 'worker-loop.ts'];

it('this file runs all code of the page', () => {
  expect([...SNIPPETS.keys()].sort()).toEqual(
    ['connector.ts', 'cold-observable.ts', 'on-behalf-of.ts', ...QUEUES].sort(),
  );
});

describe.each(ORDERS)('%s is first, %s second', (first, second) => {
  const own = [
    [`from ${first}`, first],
    [`from ${second}`, second],
  ];
  const swapped = [
    [`from ${first}`, first],
    [`from ${second}`, first],
  ];
  const sendBoth = <Sent>(send: Send<Sent>) => [send(first, `from ${first}`), send(second, `from ${second}`)] as const;

  it.each(QUEUES)('%s: the right form sends each message for its own consumer', async (file) => {
    const { cloud, load } = await startPage();
    const { right } = load<Snippet<Promise<unknown>>>(file);
    await Promise.all(sendBoth(right));
    expect(sendersIn(cloud)).toEqual(expect.arrayContaining(own));
    expect(cloud.count('send')).toBe(2);
  });

  it.each(QUEUES)('%s: the wrong form sends the second message for the first consumer', async (file) => {
    const { cloud, load } = await startPage();
    const { wrong } = load<Snippet<Promise<unknown>>>(file);
    const answers = await Promise.all(sendBoth(wrong));
    expect(answers).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect(sendersIn(cloud)).toEqual(expect.arrayContaining(swapped));
    expect(cloud.count('send')).toBe(2);
  });

  it.each(QUEUES)('%s: a message that fails does not change who sends the next one', async (file) => {
    const { cloud, load } = await startPage();
    cloud.script.send = ({ body }) => (body.includes(`from ${first}`) ? { status: 500 } : undefined);
    const { right } = load<Snippet<Promise<unknown>>>(file);
    const results = await Promise.allSettled(sendBoth(right));
    expect(results).toMatchObject([{ reason: { status: 500 } }, { value: { status: 200 } }]);
    expect(sendersIn(cloud)).toEqual(expect.arrayContaining(own));
    await right(second, 'later');
    expect(sendersIn(cloud).slice(2)).toEqual([['later', second]]);
  });

  it.each([
    ['right', own],
    ['wrong', swapped],
  ] as const)('cold-observable.ts: the %s form, subscribed to in the context of the first', async (form, expected) => {
    const { cloud, load, auth } = await startPage();
    const observables = sendBoth(load<Snippet<Observable<unknown>>>('cold-observable.ts')[form]);
    await auth.runOnBehalfOf(first, () => Promise.all(observables.map((observable) => lastValueFrom(observable))));
    expect(sendersIn(cloud)).toEqual(expect.arrayContaining([...expected]));
    expect(cloud.count('send')).toBe(2);
  });

  it('on-behalf-of.ts: the request names its consumer, in a queue and in the context of another', async () => {
    const { cloud, load, auth } = await startPage();
    const { right } = load<Snippet<Promise<unknown>>>('on-behalf-of.ts');
    await auth.runOnBehalfOf('C', () => Promise.all(sendBoth(right)));
    expect(sendersIn(cloud)).toEqual(own);
  });
});

it('cold-observable.ts: only the right form works when it is subscribed to outside of every context', async () => {
  const { cloud, load } = await startPage();
  const { wrong, right } = load<Snippet<Observable<unknown>>>('cold-observable.ts');
  expect(await rejection(lastValueFrom(wrong('A', 'wrong')))).toMatchObject({ code: 'ERR_NO_CONSUMER' });
  await lastValueFrom(right('A', 'right'));
  expect(sendersIn(cloud)).toEqual([['right', 'A']]);
});
