import axios from 'axios';
import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'an adapter of its own among the defaults',
  join({ http, note }) {
    const adapter = axios.getAdapter(['http']);
    http.defaults.adapter = async (config) => {
      const response = await adapter({ ...config, validateStatus: () => true });
      if (response.status === 200) note(`sent ${config.data}`);
      if (response.status === 200) return response;
      throw Object.assign(new Error(`status ${response.status}`), { name: 'AdapterError', response });
    };
  },
} satisfies Neighbour;
