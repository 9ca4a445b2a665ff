import { createUnderWay } from '../../lib/tokens/under-way.js';
import { defer } from '../support/cloud.js';

it('dropped work goes on, but its result is not kept; other work is not affected', async () => {
  const underWay = createUnderWay();
  const gate = defer();
  const run = (key: string) => underWay.run(key, (isCurrent) => gate.promise.then(isCurrent));
  const works = [run('a'), run('b')];
  underWay.drop((key) => key === 'a');
  gate.resolve();
  expect(await Promise.all(works)).toEqual([false, true]);
});

it('nothing stays of work that has ended, also if it failed', async () => {
  const underWay = createUnderWay();
  await underWay.run('a', async () => {});
  await expect(underWay.run('b', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const matches = jest.fn(() => true);
  underWay.drop(matches);
  expect(matches).not.toHaveBeenCalled();
});
