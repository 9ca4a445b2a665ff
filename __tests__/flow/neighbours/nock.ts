import nock from 'nock';
import { toBytes } from '../../support/cloud.js';
import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'nock as the transport',
  join({ cloud, note, atEnd }) {
    if (!nock.isActive()) nock.activate();
    // All of it, token calls included: nothing reaches the server behind.
    const scope = nock(cloud.origin).persist();
    for (const method of ['get', 'post', 'put'] as const) {
      scope[method](/.*/).reply(async function (url, data) {
        const body = typeof data === 'string' ? data : JSON.stringify(data);
        const { headers } = this.req as unknown as { headers: Record<string, string> };
        const { status = 200, body: answer } = await cloud.handle({ method, url, headers, body });
        if (url.includes('/send') && status === 200) note(`answers ${body}`);
        return [status, toBytes(answer), { 'content-type': 'application/json' }];
      });
    }
    atEnd(() => {
      nock.cleanAll();
      nock.restore();
    });
  },
} satisfies Neighbour;
