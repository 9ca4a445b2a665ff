import rateLimit from 'axios-rate-limit';
import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'axios-rate-limit',
  join({ http }) {
    rateLimit(http, { maxRequests: 1, perMilliseconds: 5 });
  },
} satisfies Neighbour;
