import { createInFlight } from '../../lib/stores/in-flight.js';
import { defer } from '../support/cloud.js';

it('runs at most so many at a time, in the order in which they came; a failure makes room too', async () => {
  const inFlight = createInFlight(2);
  const started: number[] = [];
  const works = [0, 1, 2, 3].map((number) => {
    const work = defer();
    const done = inFlight(() => {
      started.push(number);
      return work.promise.then(() => (number === 0 ? Promise.reject(new Error('no')) : number));
    }).catch((error: Error) => error.message);
    return { finish: () => work.resolve(), done };
  });
  expect(started).toEqual([0, 1]);
  works[0]?.finish();
  expect(await works[0]?.done).toBe('no');
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2]);
  for (const { finish } of works) finish();
  expect(await Promise.all(works.map(({ done }) => done))).toEqual(['no', 1, 2, 3]);
  expect(started).toEqual([0, 1, 2, 3]);
});
