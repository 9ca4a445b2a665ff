import KeyvRedis from '@keyv/redis';
import KeyvValkey from '@keyv/valkey';
import Keyv from 'keyv';
import { closeClouds, startCloud } from '../support/cloud.js';
import { createAuth, stopConnectors } from '../support/connector.js';
import { closeRedis, startRedis } from './support/redis-server.js';

afterEach(async () => {
  await Promise.all([stopConnectors(), closeClouds()]);
});
afterAll(closeRedis);

it.each<[string, (url: string) => Keyv]>([
  ['@keyv/redis', (url) => new Keyv({ store: new KeyvRedis(url), throwOnErrors: true })],
  ['@keyv/valkey', (url) => new Keyv({ store: new KeyvValkey(url) as never, throwOnErrors: true })],
])('%s shares both tokens', async (_, create) => {
  const cloud = await startCloud();
  const { url } = await startRedis();
  const faults: unknown[] = [];
  const keyvs = [create(url), create(url)];
  const [first, second] = keyvs.map((store) => createAuth(cloud, { store, storeSecret: 'a passphrase of the test' }));
  for (const auth of [first, second]) auth?.on('store-error', (fault) => faults.push(fault));
  const sources: string[] = [];
  second?.on('token', ({ kind, source }) => sources.push(`${kind} ${source}`));
  await first?.getConsumerJws('c');
  await first?.close();
  await second?.getConsumerJws('c');
  await second?.getAppJwt();
  expect(sources).toEqual(['consumerJws store', 'appJwt store']);
  expect([cloud.count('sentinel'), cloud.count('idp'), faults]).toEqual([1, 1, []]);
  await Promise.all(keyvs.map((keyv) => keyv.disconnect()));
});
