import { Agent } from 'node:http';
import type { Neighbour } from '../../support/neighbour.js';

const httpAgent = new Agent({ keepAlive: true, maxSockets: 1, maxTotalSockets: 1 });

export default {
  name: 'an agent with one socket',
  defaults: { httpAgent },
  join: ({ atEnd }) => atEnd(() => httpAgent.destroy()),
} satisfies Neighbour;
