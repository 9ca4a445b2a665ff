import axios from 'axios';
import { createConnectorAuth } from '../lib/index.js';

it('loads', () => {
  const a = createConnectorAuth({ accountId: '1', clientId: 'a', clientSecret: 'b' });
  a.install(axios.create());
  expect(a.inspect()).toMatchObject({ closed: false });
});
