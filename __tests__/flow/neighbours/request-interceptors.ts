import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'request interceptors, synchronous and asynchronous',
  join({ http, note }) {
    http.interceptors.request.use((config) => {
      note('sees the message');
      config.headers.set('X-Trace', 'trace');
      return config;
    });
    http.interceptors.request.use(async (config) => {
      await new Promise((resolve) => setImmediate(resolve));
      note('adds a parameter');
      return { ...config, params: { ...config.params, lang: 'en' } };
    });
  },
} satisfies Neighbour;
