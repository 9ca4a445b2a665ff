import axios from 'axios';
import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'an interceptor that wraps the adapter',
  join({ http, note }) {
    http.interceptors.request.use((config) => {
      const adapter = axios.getAdapter(config.adapter ?? axios.defaults.adapter, config);
      config.adapter = async (final) => {
        const response = await adapter(final);
        note(`passes ${response.status} on`);
        return response;
      };
      return config;
    });
  },
} satisfies Neighbour;
