import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { toBytes } from '../../support/cloud.js';
import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'msw as the transport',
  join({ cloud, note, atEnd }) {
    // All of it, token calls included: nothing reaches the server behind.
    const server = setupServer(
      http.all('*', async ({ request }) => {
        const { pathname, search } = new URL(request.url);
        const body = Buffer.from(await request.arrayBuffer());
        const headers = Object.fromEntries(request.headers);
        const { status = 200, body: answer } = await cloud.handle({
          method: request.method,
          url: pathname + search,
          headers,
          body,
        });
        if (pathname.endsWith('/send') && status === 200) note(`answers ${body}`);
        return new HttpResponse(new Uint8Array(toBytes(answer)), {
          status,
          headers: { 'content-type': 'application/json' },
        });
      }),
    );
    server.listen();
    atEnd(() => server.close());
  },
} satisfies Neighbour;
