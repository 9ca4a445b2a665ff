import type { Neighbour } from '../../support/neighbour.js';
import axiosRetry from './axios-retry.js';
import requestInterceptors from './request-interceptors.js';
import transforms from './transforms.js';
import unwrapping from './unwrapping.js';

export default {
  name: 'several of these at once',
  join(scene) {
    for (const neighbour of [axiosRetry, requestInterceptors, transforms, unwrapping]) neighbour.join(scene);
  },
} satisfies Neighbour;
