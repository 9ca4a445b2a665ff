import Keyv from 'keyv';
import { describeTokenStore } from './token-store.js';

describeTokenStore('a Keyv instance as it stands', async () => {
  const entries = new Map();
  return { store: new Keyv(entries), other: new Keyv(entries) };
});
