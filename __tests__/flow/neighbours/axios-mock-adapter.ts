import MockAdapter from 'axios-mock-adapter';
import type { Neighbour } from '../../support/neighbour.js';

const lowerCase = (headers: object = {}) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));

export default {
  name: 'axios-mock-adapter as the transport',
  join({ http, cloud, note, atEnd }) {
    const mock = new MockAdapter(http as never);
    mock.onAny().reply(async ({ method = '', url = '', headers, data }) => {
      const { status = 200, body } = await cloud.handle({ method, url, headers: lowerCase(headers), body: data ?? '' });
      if (status === 200) note(`answers ${data}`);
      return [status, body];
    });
    atEnd(() => mock.restore());
  },
} satisfies Neighbour;
