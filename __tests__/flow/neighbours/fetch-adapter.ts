import type { Neighbour } from '../../support/neighbour.js';

export default {
  name: 'the fetch adapter',
  defaults: { adapter: ['fetch'] },
  join() {},
} satisfies Neighbour;
