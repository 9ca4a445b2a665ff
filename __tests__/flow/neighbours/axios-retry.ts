import axiosRetry from 'axios-retry';
import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'axios-retry',
  join({ http, note }) {
    axiosRetry(http, {
      retries: 3,
      retryCondition: (error) => {
        note(`judges ${error.response?.status}`);
        return error.response?.status === 503;
      },
      retryDelay: (count) => {
        note(`waits before retry ${count}`);
        return count;
      },
      onRetry: (count, _error, config) => note(`retry ${count} of ${config.data}`),
    });
  },
} satisfies Neighbour;
