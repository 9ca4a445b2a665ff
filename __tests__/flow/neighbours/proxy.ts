import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Neighbour } from '../../support/neighbour.js';
import { UNHURRIED } from '../../support/server.js';

export default {
  name: 'an HTTP proxy',
  join({ http, cloud, note, atEnd }) {
    const proxy = createServer(UNHURRIED, (request, response) => {
      const isOurCloud = new URL(request.url ?? '').host === cloud.host;
      response.on('finish', () => {
        if (response.statusCode === 200) note(`passes a ${request.method} on to the cloud: ${isOurCloud}`);
      });
      request.url = request.url?.replace(cloud.origin, '');
      void cloud.serve(request, response);
    }).listen(0, '127.0.0.1');
    http.interceptors.request.use(async (config) => {
      if (!proxy.listening) await new Promise((resolve) => proxy.once('listening', resolve));
      config.proxy = { protocol: 'http', host: '127.0.0.1', port: (proxy.address() as AddressInfo).port };
      return config;
    });
    atEnd(() => {
      proxy.close();
      proxy.closeAllConnections();
    });
  },
} satisfies Neighbour;
