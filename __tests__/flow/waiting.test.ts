import axios, { type AxiosRequestConfig } from 'axios';
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
