import { setupCache } from 'axios-cache-interceptor';
import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'axios-cache-interceptor',
  join({ http, note }) {
    const cached = setupCache(http, { interpretHeader: false });
    cached.interceptors.response.use((response) => {
      note(`${response.config.method} ${response.status} cached: ${'cached' in response && response.cached}`);
      return response;
    });
  },
} satisfies Neighbour;
