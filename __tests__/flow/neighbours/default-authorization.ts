import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'an `Authorization` and an `auth` among the defaults',
  defaults: { auth: { username: 'channel', password: 'key' } },
  join({ http, cloud, note }) {
    http.defaults.headers.common.authorization = 'Bearer of-the-channel';
    cloud.script.other = ({ headers }) => {
      note(`others go with ${headers.authorization}`);
      return undefined;
    };
  },
} satisfies Neighbour;
