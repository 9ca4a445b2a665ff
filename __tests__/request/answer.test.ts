import { refusedToken } from '../../lib/request/answer.js';
import { readErrorBodies } from '../../lib/send-api-error.js';
import { envelope } from '../support/cloud.js';

const json = (value: unknown) => JSON.stringify(value);

it.each<[string, unknown, 'appJwt' | 'consumerJws' | undefined]>([
  ['40102 as an object', envelope(40102), 'appJwt'],
  ['40103 as an object', envelope(40103), 'consumerJws'],
  ['40102 as text', json(envelope(40102)), 'appJwt'],
  ['40102 as bytes', Buffer.from(json(envelope(40102))), 'appJwt'],
  ['40102 as an ArrayBuffer', new TextEncoder().encode(json(envelope(40102))).buffer, 'appJwt'],
  ['40103 as a numeric string', envelope('40103'), 'consumerJws'],
  ['with the reqId of newer releases', { reqId: '1', ...envelope(40102) }, 'appJwt'],
  ['an array of refusals', [envelope(40103), envelope(40103)], 'consumerJws'],
  ['an array with another error', [envelope(40103), envelope(40001)], undefined],
  ['an array with a reply', [envelope(40103), { code: 'OK', reqId: '1', body: {} }], undefined],
  ['an empty array', [], undefined],
  ['40001', envelope(40001), undefined],
  ['40104', envelope(40104), undefined],
  ['40105', envelope(40105), undefined],
  ['50201', envelope(50201), undefined],
  ['a request that quotes an error', { kind: 'req', body: { errorCode: 40102 } }, undefined],
  ['a code with a fraction', envelope(40102.5), undefined],
  ['a code with more digits', envelope('401020'), undefined],
  ['no envelope', { errorCode: 40102 }, undefined],
  ['no JSON', 'errorCode 40102', undefined],
  ['null', null, undefined],
  ['nothing', undefined, undefined],
  ['a number', 40102, undefined],
])('%s', (_, body, refused) => {
  expect(refusedToken(readErrorBodies(body))).toBe(refused);
});
