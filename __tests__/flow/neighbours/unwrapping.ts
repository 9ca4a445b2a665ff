import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: '`response => response.data`',
  join({ http, note }) {
    http.interceptors.response.use((response) => {
      note(`unwraps ${response.status}`);
      return response.data;
    });
  },
} satisfies Neighbour;
