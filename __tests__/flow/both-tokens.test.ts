import axios, { type AxiosError } from 'axios';
import { type CommonOptions, getSendApiError } from '../../lib/index.js';
import { type Cloud, defer, envelope, type Reply, SEND } from '../support/cloud.js';
import { type Connector, rejection, startConnector, stopConnectors } from '../support/connector.js';

afterEach(stopConnectors);

const asC = { onBehalfOf: 'c' };
const counts = (cloud: Cloud) => ['send', 'sentinel', 'idp'].map((service) => cloud.count(service as 'send'));

/** The answers of SEND, in order: an error code is a refusal, a small number is an HTTP status. After them it accepts. */
function answerWith(cloud: Cloud, answers: readonly (number | 'reset')[]): void {
  cloud.script.send = (_, count): Reply | undefined => {
    const answer = answers[count - 1];
    if (answer === undefined) return undefined;
    if (answer === 'reset') return { break: 'at-once' };
    return answer > 1_000 ? { status: 401, body: envelope(answer) } : { status: answer, body: {} };
  };
}

/** The error codes of the `replay` events, and how the last replay ended. */
function listen({ auth }: Connector): { codes: unknown[]; outcomes: unknown[] } {
  const heard = { codes: [] as unknown[], outcomes: [] as unknown[] };
  auth.on('replay', ({ errorCode, outcome }) => {
    heard.codes.push(errorCode);
    heard.outcomes.push(outcome);
  });
  return heard;
}

describe('each refused token is replaced once, and the request is replayed once for it', () => {
  it.each<[number[], { send: number; sentinel: number; idp: number }]>([
    [[], { send: 1, sentinel: 1, idp: 1 }],
    [[40102], { send: 2, sentinel: 2, idp: 1 }],
    [[40103], { send: 2, sentinel: 1, idp: 2 }],
    [[40102, 40103], { send: 3, sentinel: 2, idp: 2 }],
    [[40103, 40102], { send: 3, sentinel: 2, idp: 2 }],
  ])('after %j the message is delivered', async (answers, { send, sentinel, idp }) => {
    const connector = await startConnector();
    const { cloud, http } = connector;
    const heard = listen(connector);
    answerWith(cloud, answers);
    await expect(http.post(SEND, { text: 'ä' }, asC)).resolves.toMatchObject({ status: 200, data: { code: 'OK' } });
    expect(counts(cloud)).toEqual([send, sentinel, idp]);
    expect(heard.codes).toEqual(answers);
    expect(heard.outcomes.at(-1)).toBe(answers.length > 0 ? 'succeeded' : undefined);
    // The same bytes each time, and never a refused token again.
    const sends = cloud.seen.filter(({ service }) => service === 'send');
    expect(new Set(sends.map(({ body, url }) => url + body)).size).toBe(1);
    answers.forEach((code, index) => {
      const header = code === 40102 ? 'authorization' : 'x-lp-on-behalf';
      for (const later of sends.slice(index + 1)) expect(later.headers[header]).not.toBe(sends[index]?.headers[header]);
    });
  });

  it.each<[number[], { send: number; sentinel: number; idp: number; code: number }]>([
    [[40102, 40102], { send: 2, sentinel: 2, idp: 1, code: 40102 }],
    [[40103, 40103], { send: 2, sentinel: 1, idp: 2, code: 40103 }],
    [[40102, 40103, 40102], { send: 3, sentinel: 2, idp: 2, code: 40102 }],
    [[40102, 40103, 40103], { send: 3, sentinel: 2, idp: 2, code: 40103 }],
    [[40103, 40102, 40103], { send: 3, sentinel: 2, idp: 2, code: 40103 }],
    [[40103, 40102, 40102], { send: 3, sentinel: 2, idp: 2, code: 40102 }],
  ])('after %j the caller gets the last refusal', async (answers, { code, ...expected }) => {
    const connector = await startConnector();
    const { cloud, http } = connector;
    const heard = listen(connector);
    // The next send would be accepted, so a send too many would show.
    answerWith(cloud, answers);
    const error = (await rejection(http.post(SEND, {}, asC))) as AxiosError;
    expect(error.response?.status).toBe(401);
    expect(getSendApiError(error)).toMatchObject({ errorCode: code, replayed: true });
    expect(counts(cloud)).toEqual(Object.values(expected));
    expect(heard.codes).toEqual(answers.slice(0, -1));
    expect(heard.outcomes.at(-1)).toBe('refused');
  });

  it.each<[(number | 'reset')[], { send: number; sentinel: number; idp: number; status?: number; replays: number[] }]>([
    [[503], { send: 1, sentinel: 1, idp: 1, status: 503, replays: [] }],
    [[40103, 503], { send: 2, sentinel: 1, idp: 2, status: 503, replays: [40103] }],
    [[40102, 503], { send: 2, sentinel: 2, idp: 1, status: 503, replays: [40102] }],
    [[40102, 40103, 503], { send: 3, sentinel: 2, idp: 2, status: 503, replays: [40102, 40103] }],
    [[40103, 40102, 429], { send: 3, sentinel: 2, idp: 2, status: 429, replays: [40103, 40102] }],
    [[40102, 40001], { send: 2, sentinel: 2, idp: 1, status: 401, replays: [40102] }],
    [[40102, 40103, 40001], { send: 3, sentinel: 2, idp: 2, status: 401, replays: [40102, 40103] }],
    [[40102, 'reset'], { send: 2, sentinel: 2, idp: 1, replays: [40102] }],
    [[40102, 40103, 'reset'], { send: 3, sentinel: 2, idp: 2, replays: [40102, 40103] }],
  ])('after %j the caller gets the error of the last send', async (answers, { status, replays, ...expected }) => {
    const connector = await startConnector();
    const { cloud, http } = connector;
    const heard = listen(connector);
    answerWith(cloud, answers);
    const error = (await rejection(http.post(SEND, {}, asC))) as AxiosError;
    expect(error.response?.status).toBe(status);
    if (status === undefined) expect(error.code).toBe('ECONNRESET');
    if (replays.length > 0) expect(getSendApiError(error)).toMatchObject({ replayed: true });
    expect(counts(cloud)).toEqual(Object.values(expected));
    expect(heard.codes).toEqual(replays);
    if (replays.length > 0) expect(heard.outcomes.at(-1)).toBe('failed');
  });

  it('after any four answers: at most three sends, one renewal of each token, and replayed is a boolean', async () => {
    const ANSWERS = [40102, 40103, 40001];
    for (let number = 0; number < ANSWERS.length ** 4; number++) {
      const answers = [0, 1, 2, 3].map((place) => ANSWERS[Math.floor(number / ANSWERS.length ** place) % 3] ?? 0);
      const connector = await startConnector();
      const { cloud, http } = connector;
      const heard = listen(connector);
      answerWith(cloud, answers);
      const outcome = await http.post(SEND, {}, asC).catch((error: unknown) => getSendApiError(error));
      // Each code is replayed once. So the last answer is the second one with its code, or is not a refusal.
      const end = answers.findIndex((code, index) => code === 40001 || answers.indexOf(code) < index);
      expect([answers, cloud.count('send')]).toEqual([answers, end + 1]);
      expect(cloud.count('send')).toBeLessThanOrEqual(3);
      expect([answers, heard.codes]).toEqual([answers, answers.slice(0, end)]);
      expect([answers, outcome]).toEqual([
        answers,
        expect.objectContaining({ errorCode: answers[end], replayed: end > 0 }),
      ]);
      expect(cloud.count('sentinel')).toBe(1 + Number(answers.slice(0, end).includes(40102)));
      expect(cloud.count('idp')).toBe(1 + Number(answers.slice(0, end).includes(40103)));
      await stopConnectors();
    }
  });

  it.each([
    [[40102, 40103], 'idp', 'ERR_CONSUMER_JWS'],
    [[40103, 40102], 'sentinel', 'ERR_APP_JWT'],
  ] as const)(
    'after %j without a second new token, the error is that of the token call, and has the refusal',
    async (answers, service, code) => {
      const connector = await startConnector();
      const { cloud, http } = connector;
      const heard = listen(connector);
      answerWith(cloud, answers);
      cloud.script[service] = (_, count) => (count === 1 ? undefined : { status: 400, body: { error: 'no' } });
      const error = await rejection(http.post(SEND, {}, asC));
      expect(error).toMatchObject({ code });
      const refusal = getSendApiError(error);
      expect(refusal).toMatchObject({ errorCode: answers[1], replayed: expect.any(Boolean), reason: 'no-token' });
      expect(cloud.count('send')).toBe(2);
      expect(heard.codes[0]).toBe(answers[0]);
    },
  );
});

describe('with both tokens revoked no message is lost', () => {
  /** The code with which SEND first refuses a request whose tokens are both revoked. */
  const FIRST = [40102, 40103] as const;
  const LOADS = [
    [1, 1],
    [64, 1],
    [64, 64],
    [500, 1],
    [500, 50],
    [500, 500],
  ] as const;
  const cases = LOADS.flatMap(([inFlight, consumers]) => FIRST.map((first) => [inFlight, consumers, first] as const));

  async function startRevoked(consumers: number, first: number, options: CommonOptions = {}) {
    const connector = await startConnector(options);
    const { cloud, auth } = connector;
    const names = Array.from({ length: consumers }, (_, index) => `c${index}`);
    await Promise.all(names.map((name) => auth.getConsumerJws(name)));
    const revoked = new Set<unknown>();
    const before = { send: cloud.count('send'), sentinel: cloud.count('sentinel'), idp: cloud.count('idp') };
    const revoke = () => {
      for (const token of [...cloud.issued.appJwt, ...[...cloud.issued.consumerJws.values()].flat()])
        revoked.add(token);
    };
    cloud.script.send = ({ headers }) => {
      const codes = [
        ...(revoked.has(headers.authorization) ? [40102] : []),
        ...(revoked.has(headers['x-lp-on-behalf']) ? [40103] : []),
      ];
      if (codes.length === 0) return undefined;
      return { status: 401, body: envelope(codes.includes(first) ? first : (codes[0] ?? 0)) };
    };
    const asked = (service: 'send' | 'sentinel' | 'idp') => cloud.count(service) - before[service];
    return { ...connector, names, revoked, revoke, asked };
  }

  it.each(cases)('%i in flight of %i consumers, %i first', async (inFlight, consumers, first) => {
    for (const forcedRefreshIntervalMs of [0, 5_000]) {
      const { cloud, http, names, revoke, asked } = await startRevoked(consumers, first, { forcedRefreshIntervalMs });
      revoke();
      const outcomes = await Promise.all(
        Array.from({ length: inFlight }, (_, id) =>
          http.post(SEND, { id }, { onBehalfOf: names[id % consumers] ?? '' }).then(
            ({ status }) => status,
            (error: unknown) => getSendApiError(error)?.errorCode ?? error,
          ),
        ),
      );
      expect(outcomes).toEqual(Array(inFlight).fill(200));
      expect(asked('sentinel')).toBe(1);
      expect(asked('idp')).toBeLessThanOrEqual(consumers);
      const sends = new Map<number, number>();
      for (const { service, body } of cloud.seen) {
        if (service !== 'send') continue;
        const { id } = JSON.parse(body) as { id: number };
        sends.set(id, (sends.get(id) ?? 0) + 1);
      }
      expect(Math.max(...sends.values())).toBeLessThanOrEqual(3);
      await stopConnectors();
    }
  });

  it.each(FIRST)('revoked while 64 messages are on the wire, %i first', async (first) => {
    const { cloud, http, names, revoke, asked, revoked } = await startRevoked(8, first);
    const gate = defer();
    const own = cloud.script.send;
    let onTheWire = 0;
    const all = defer();
    cloud.script.send = (seen, count) => {
      onTheWire += 1;
      if (onTheWire === 64) {
        revoke();
        all.resolve();
      }
      // The first 64 are refused, because their tokens are revoked before the answer.
      if (onTheWire <= 64) return { status: 401, body: envelope(first), after: gate.promise };
      return own?.(seen, count);
    };
    const sent = Array.from({ length: 64 }, (_, id) => http.post(SEND, { id }, { onBehalfOf: names[id % 8] ?? '' }));
    await all.promise;
    gate.resolve();
    for (const { status } of await Promise.all(sent)) expect(status).toBe(200);
    expect(asked('sentinel')).toBe(1);
    expect(asked('idp')).toBe(8);
    expect(revoked.size).toBe(9);
  });

  it.each(FIRST)('and IDP refuses the revoked AppJWT too, %i first', async (first) => {
    const { cloud, http, names, revoke, asked, revoked } = await startRevoked(20, first);
    revoke();
    cloud.script.idp = ({ headers }) =>
      [...revoked].some((token) => String(headers.authorization).includes(String(token)))
        ? { status: 401, body: {} }
        : undefined;
    const sent = Array.from({ length: 200 }, (_, id) => http.post(SEND, { id }, { onBehalfOf: names[id % 20] ?? '' }));
    for (const { status } of await Promise.all(sent)) expect(status).toBe(200);
    expect(asked('sentinel')).toBe(1);
    expect(asked('idp')).toBeLessThanOrEqual(40);
  });

  it('the log names both codes', async () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger = { debug: () => {}, info: () => {}, warn: write, error: write };
    const { cloud, http } = await startConnector({ logger });
    answerWith(cloud, [40102, 40103, 40103]);
    await rejection(http.post(SEND, {}, asC));
    expect(lines).toEqual([expect.stringMatching(/40102.*40103/)]);
  });
});

describe('to the rest of the instance a request with two replays is one request', () => {
  it.each([
    ['delivered', [40102, 40103], 200],
    ['refused', [40102, 40103, 40102], 401],
  ] as const)('transforms and interceptors run once when it is %s', async (_, answers, status) => {
    const { cloud, http } = await startConnector();
    answerWith(cloud, answers);
    const runs: Record<string, number> = {};
    const run = (name: string) => {
      runs[name] = (runs[name] ?? 0) + 1;
    };
    http.interceptors.request.use((config) => {
      run('request interceptor');
      return config;
    });
    http.interceptors.response.use(
      (response) => {
        run('response interceptor');
        return response;
      },
      (error) => {
        run('response interceptor');
        return Promise.reject(error);
      },
    );
    const result = await http
      .post(
        SEND,
        { a: 1 },
        {
          ...asC,
          transformRequest: [
            (data) => {
              run('transformRequest');
              return JSON.stringify({ ...data, b: 2 });
            },
          ],
          transformResponse: [
            (data) => {
              run('transformResponse');
              return data;
            },
          ],
          headers: { 'content-type': 'application/json' },
        },
      )
      .catch((error: AxiosError) => error.response);
    expect(result?.status).toBe(status);
    expect(runs).toEqual({
      'request interceptor': 1,
      'response interceptor': 1,
      transformRequest: 1,
      transformResponse: 1,
    });
    expect(cloud.seen.filter(({ service }) => service === 'send').map(({ body }) => body)).toEqual(
      Array(3).fill('{"a":1,"b":2}'),
    );
  });

  it('consumerId() is called once', async () => {
    const consumerId = jest.fn(() => 'c');
    const { cloud, http } = await startConnector({ consumerId });
    answerWith(cloud, [40102, 40103]);
    await http.post(SEND, {});
    expect([consumerId.mock.calls.length, cloud.count('send')]).toEqual([1, 3]);
  });
});

describe('an abort', () => {
  it.each([
    [[40102, 40103], 'idp'],
    [[40103, 40102], 'sentinel'],
  ] as const)(
    'during the second renewal (%j) is Axios’s CanceledError, and nothing is sent again',
    async (answers, service) => {
      const { cloud, http } = await startConnector();
      const never = defer();
      const abort = new AbortController();
      answerWith(cloud, answers);
      cloud.script[service] = (_, count) => {
        if (count === 1) return undefined;
        abort.abort();
        return { after: never.promise };
      };
      const error = await rejection(http.post(SEND, {}, { ...asC, signal: abort.signal }));
      never.resolve();
      expect(axios.isCancel(error)).toBe(true);
      expect(error).toMatchObject({ code: 'ERR_CANCELED' });
      expect(cloud.count('send')).toBe(2);
    },
  );

  it('during the third send is Axios’s CanceledError too', async () => {
    const { cloud, http } = await startConnector();
    const never = defer();
    const abort = new AbortController();
    cloud.script.send = (_, count) => {
      if (count < 3) return { status: 401, body: envelope(count === 1 ? 40102 : 40103) };
      abort.abort();
      return { after: never.promise };
    };
    const error = await rejection(http.post(SEND, {}, { ...asC, signal: abort.signal }));
    never.resolve();
    expect(axios.isCancel(error)).toBe(true);
    expect(cloud.count('send')).toBe(3);
  });
});
