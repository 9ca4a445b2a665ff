import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: '`validateStatus: () => true`',
  defaults: { validateStatus: () => true },
  join({ http, note }) {
    http.interceptors.response.use((response) => {
      note(`reads ${response.status}`);
      return response;
    });
  },
} satisfies Neighbour;
