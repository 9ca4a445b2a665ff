import axios from 'axios';
import type { Neighbour } from '../../support/neighbour.js';

class ChannelError extends Error {
  override name = 'ChannelError';
}

export default {
  name: 'an error interceptor that throws errors of its own',
  join({ http, note }) {
    http.interceptors.response.use(undefined, (error: unknown) => {
      const status = axios.isAxiosError(error) ? error.response?.status : undefined;
      note(`hears of ${status}`);
      throw new ChannelError(`The cloud said ${status}.`);
    });
  },
} satisfies Neighbour;
