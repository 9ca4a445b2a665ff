import axios from 'axios';
import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: '`transformRequest` and `transformResponse`',
  join({ http, note }) {
    http.defaults.transformRequest = [
      (data: unknown) => {
        note('writes');
        return data;
      },
      ...[axios.defaults.transformRequest ?? []].flat(),
    ];
    http.defaults.transformResponse = [
      ...[axios.defaults.transformResponse ?? []].flat(),
      (data: unknown, _headers, status) => {
        note(`reads ${status}`);
        return { wrapped: data };
      },
    ];
  },
} satisfies Neighbour;
