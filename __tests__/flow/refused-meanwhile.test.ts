import axios, { type AxiosAdapter } from 'axios';
import { ACCOUNT, defer, envelope, makeToken, SEND, until } from '../support/cloud.js';
import { rejection, startConnector, stopConnectors } from '../support/connector.js';

afterEach(stopConnectors);

describe('a token that is refused while a request waits for something else is not sent', () => {
  it('a call to IDP that waits for its turn carries the AppJWT of that time', async () => {
    const { cloud, http, auth } = await startConnector({ maxConcurrentTokenRequests: 1 });
    await auth.getConsumerJws('c-0');
    const turn = defer();
    cloud.script.idp = ({ body }) => (body.includes('c-1') ? { status: 503, after: turn.promise } : undefined);
    const first = rejection(auth.getConsumerJws('c-1'));
    await until(() => cloud.count('idp') === 2);
    const waiting = auth.getConsumerJws('c-2');

    cloud.refuse(cloud.issued.appJwt[0]);
    const message = http.post(SEND, {}, { onBehalfOf: 'c-0' });
    await until(() => cloud.count('send') === 1);
    turn.resolve();
    await Promise.all([first, waiting, message]);

    const asked = cloud.seen.filter(({ service }) => service === 'idp').map(({ headers }) => headers.authorization);
    const [old, renewed] = cloud.issued.appJwt;
    expect(asked).toEqual([old, old, renewed]);
    expect(cloud.issued.appJwt).toHaveLength(2);
  });

  it('an AppJWT that IDP refuses at the second attempt too is renewed for the next message', async () => {
    const { cloud, http, auth } = await startConnector();
    await auth.getConsumerJws('c-0');
    cloud.script.idp = () => ({ status: 401, body: {} });
    await expect(auth.getConsumerJws('c-1')).rejects.toMatchObject({ code: 'ERR_CONSUMER_JWS', status: 401 });
    await http.post(SEND, {}, { onBehalfOf: 'c-0' });
    expect(cloud.count('idp')).toBe(3);
    const [sent] = cloud.seen.filter(({ service }) => service === 'send');
    expect(sent?.headers.authorization).toBe(cloud.issued.appJwt[2]);
  });

  it('a ConsumerJWS is fetched again if it is refused while the AppJWT is renewed', async () => {
    const send = axios.getAdapter('http');
    let answered = 0;
    const adapter: AxiosAdapter = (config) => send(config).finally(() => (answered += 1));
    const { cloud, http, auth } = await startConnector({}, { adapter });
    await auth.getConsumerJws('c');
    const [first, second, renewal] = [defer(), defer(), defer()];
    const claims = { aud: ACCOUNT };
    cloud.script.sentinel = () => ({ body: { access_token: makeToken(claims) }, after: renewal.promise });
    cloud.script.send = (_, count) => {
      if (count === 1) return { status: 401, body: envelope(40102), after: first.promise };
      return count === 2 ? { status: 401, body: envelope(40103), after: second.promise } : undefined;
    };

    const messages = [http.post(SEND, {}, { onBehalfOf: 'c' })];
    await until(() => cloud.count('send') === 1);
    messages.push(http.post(SEND, {}, { onBehalfOf: 'c' }));
    await until(() => cloud.count('send') === 2);
    first.resolve();
    await until(() => cloud.count('sentinel') === 2);
    second.resolve();
    await until(() => answered === 2);
    renewal.resolve();
    await Promise.all(messages);

    const carried = cloud.seen
      .filter(({ service }) => service === 'send')
      .map(({ headers }) => headers['x-lp-on-behalf']);
    const [old, renewed] = cloud.issued.consumerJws.get('c') ?? [];
    expect(carried).toEqual([old, old, renewed, renewed]);
  });
});
