import axios, { type AxiosRequestConfig } from 'axios';
import type { CommonOptions } from '../../lib/index.js';
import { ACCOUNT, defer, makeToken, SEND, until } from '../support/cloud.js';
import { rejection, startConnector, stopConnectors } from '../support/connector.js';

afterEach(stopConnectors);

/** Sends `impatient` and a patient request that both wait for the same AppJWT, and ends the first one's wait. */
async function endOneWait(impatient: AxiosRequestConfig, end: () => void) {
  const { cloud, http } = await startConnector();
  const gate = defer();
  cloud.script.sentinel = () => ({ after: gate.promise, body: { access_token: makeToken({ aud: ACCOUNT }) } });
  const error = rejection(http.post(SEND, { is: 'impatient' }, { onBehalfOf: 'c', ...impatient }));
  const patient = http.post(SEND, { is: 'patient' }, { onBehalfOf: 'c' });
  await until(() => cloud.count('sentinel') > 0);
  end();
  const ended = await error;
  gate.resolve();
  expect((await patient).status).toBe(200);
  expect([cloud.count('sentinel'), cloud.count('idp'), cloud.count('send')]).toEqual([1, 1, 1]);
  return ended;
}

describe('one caller’s end of waiting is nobody else’s', () => {
  it('an AbortSignal ends it with Axios’s own CanceledError', async () => {
    const abort = new AbortController();
    const error = await endOneWait({ signal: abort.signal }, () => abort.abort());
    expect(axios.isCancel(error)).toBe(true);
    expect(error).toMatchObject({ code: 'ERR_CANCELED', config: { url: SEND } });
  });

  it('a cancel token ends it with its reason', async () => {
    const source = axios.CancelToken.source();
    const error = await endOneWait({ cancelToken: source.token }, () => source.cancel('enough'));
    expect(axios.isCancel(error)).toBe(true);
    expect(error).toMatchObject({ message: 'enough' });
  });

  it('a timeout ends it with Axios’s own timeout code', async () => {
    const error = await endOneWait({ timeout: 30 }, () => {});
    expect(axios.isAxiosError(error)).toBe(true);
    expect(error).toMatchObject({ code: 'ECONNABORTED', message: 'timeout of 30ms exceeded' });
  });

  it('or the clearer one, with the caller’s message, where the config asks for it', async () => {
    const config = { timeout: 30, timeoutErrorMessage: 'too slow', transitional: { clarifyTimeoutError: true } };
    expect(await endOneWait(config, () => {})).toMatchObject({ code: 'ETIMEDOUT', message: 'too slow' });
  });
});

it('getAppJwt and getConsumerJws take a signal', async () => {
  const { cloud, auth } = await startConnector();
  const gate = defer();
  cloud.script.sentinel = () => ({ after: gate.promise, body: { access_token: makeToken({ aud: ACCOUNT }) } });
  const abort = new AbortController();
  const ends = [auth.getAppJwt({ signal: abort.signal }), auth.getConsumerJws('c', { signal: abort.signal })].map(
    rejection,
  );
  const patient = auth.getConsumerJws('c');
  abort.abort();
  for (const end of ends) expect(axios.isCancel(await end)).toBe(true);
  gate.resolve();
  await patient;
  expect(cloud.count('idp')).toBe(1);
  expect(axios.isCancel(await rejection(auth.getAppJwt({ signal: AbortSignal.abort() })))).toBe(true);
});

describe('a token that nobody waits for any more', () => {
  /** A connector with one turn, which a call for somebody else's token has. */
  async function startBusy(retry: CommonOptions['retry'] = false) {
    const connector = await startConnector({ maxConcurrentTokenRequests: 1, retry });
    const { cloud, auth } = connector;
    await auth.getAppJwt();
    const gate = defer();
    cloud.script.idp = ({ body }) => {
      const token = makeToken({ account_id: ACCOUNT });
      return { status: 201, body: { token }, ...(body.includes('first') && { after: gate.promise }) };
    };
    const first = auth.getConsumerJws('first');
    await until(() => cloud.count('idp') === 1);
    const asked = () =>
      cloud.seen.filter(({ service }) => service === 'idp').map(({ body }) => JSON.parse(body).ext_consumer_id);
    return { ...connector, gate, first, asked };
  }

  it('is not asked for when its turn comes; whoever wants it later asks anew', async () => {
    const { auth, http, gate, first, asked } = await startBusy();
    const abort = new AbortController();
    const ends = [
      auth.getConsumerJws('gone', { signal: abort.signal }),
      http.post(SEND, {}, { onBehalfOf: 'gone', signal: abort.signal }),
      http.post(SEND, {}, { onBehalfOf: 'late', timeout: 20 }),
    ].map(rejection);
    const last = auth.getConsumerJws('last');
    abort.abort();
    await Promise.all(ends);
    gate.resolve();
    await Promise.all([first, last]);
    expect(asked()).toEqual(['first', 'last']);
    expect(await auth.getConsumerJws('gone')).toMatch(/^ey/);
    expect(asked()).toEqual(['first', 'last', 'gone']);
  });

  it('is asked for while one of them still waits', async () => {
    const { auth, gate, first, asked } = await startBusy();
    const abort = new AbortController();
    const end = rejection(auth.getConsumerJws('shared', { signal: abort.signal }));
    const patient = auth.getConsumerJws('shared');
    abort.abort();
    await end;
    gate.resolve();
    await Promise.all([first, patient]);
    expect(asked()).toEqual(['first', 'shared']);
  });

  it('is asked for anew by one who comes as it is given up', async () => {
    const { auth, gate, first, asked } = await startBusy();
    const abort = new AbortController();
    const end = rejection(auth.getConsumerJws('gone', { signal: abort.signal }));
    abort.abort();
    gate.resolve();
    const tokens: Promise<string>[] = [];
    // Every turn of the event loop until then: one of them is the one.
    void first.then(() => tokens.push(auth.getConsumerJws('gone')));
    for (let i = 0; i < 50; i++) {
      tokens.push(auth.getConsumerJws('gone'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([end, ...tokens]);
    expect(asked()).toEqual(['first', 'gone']);
  });

  it('is asked for by one who came after it was invalidated, and whom others join', async () => {
    const { cloud, auth, gate, first, asked } = await startBusy();
    const abort = new AbortController();
    const end = rejection(auth.getConsumerJws('gone', { signal: abort.signal }));
    abort.abort();
    await end;
    auth.invalidate({ consumerId: 'gone' });
    const next = auth.getConsumerJws('gone');
    const answered = defer();
    cloud.script.idp = () => ({ after: answered.promise, status: 201, body: { token: makeToken({}) } });
    gate.resolve();
    await first;
    await until(() => cloud.count('idp') === 2);
    const joined = auth.getConsumerJws('gone');
    answered.resolve();
    expect(await joined).toBe(await next);
    expect(asked()).toEqual(['first', 'gone']);
  });

  it('is no failure', async () => {
    const { auth, http, gate, first } = await startBusy({
      retries: 3,
      retryDelay: () => 1,
      retryCondition: () => true,
    });
    const failures: unknown[] = [];
    auth.on('failure', (event) => failures.push(event));
    await rejection(http.post(SEND, {}, { onBehalfOf: 'gone', timeout: 10 }));
    gate.resolve();
    await first;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(failures).toEqual([]);
  });
});
