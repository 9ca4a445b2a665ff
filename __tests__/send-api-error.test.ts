import { getSendApiError } from '../lib/index.js';
import { LONGEST_ERROR_BYTES, noteSendApiError, readErrorBodies } from '../lib/send-api-error.js';
import { envelope } from './support/cloud.js';

const REFUSAL = {
  errorCode: 40102,
  title: 'Title of 40102',
  details: 'Details of 40102',
  status: 401,
  replayed: false,
};
const response = (data: unknown, status: unknown = 401) => ({ response: { status, data } });

it.each<[string, unknown, unknown]>([
  ['an error with its response', response(envelope(40102)), REFUSAL],
  ['a response', response(envelope(40102)).response, REFUSAL],
  ['an error whose answer is text', response(JSON.stringify(envelope(40102))), REFUSAL],
  ['an error without a response', { code: 'ECONNRESET' }, undefined],
  ['an answer that is no envelope', response({ errorCode: 40102 }), undefined],
  ['an answer without a status', response(envelope(40102), '401'), undefined],
  ['null', null, undefined],
  ['text', 'errorCode', undefined],
])('reads %s', (_, error, expected) => {
  expect(getSendApiError(error)).toEqual(expected);
});

it('gives what was noted on the error, else what was noted on its response, and the newest note', () => {
  const error = response(envelope(40001));
  noteSendApiError(error.response, { ...REFUSAL, replayed: true });
  expect(getSendApiError(error)).toEqual({ ...REFUSAL, replayed: true });
  noteSendApiError(error, { ...REFUSAL, reason: 'no-token' });
  expect(getSendApiError(error)).toEqual({ ...REFUSAL, reason: 'no-token' });
  noteSendApiError(error, REFUSAL);
  expect(getSendApiError(error)).toEqual(REFUSAL);
});

const sized = (bytes: number) => {
  const text = JSON.stringify(envelope(40102));
  return text + ' '.repeat(bytes - text.length);
};

it.each<[string, unknown, number[]]>([
  ['a title that is no text', { body: { errorCode: 40102, title: 5 } }, [40102]],
  ['a code with letters before it', envelope('x40102'), []],
  ['a code with letters after it', envelope('40102x'), []],
  ['a code of six digits', envelope('140102'), []],
  ['a code of four digits', envelope('4010'), []],
  ['a code of five digits', envelope('40102'), [40102]],
  ['a code that is a list', { body: { errorCode: [40102] } }, []],
  ['a code beyond all numbers', { body: { errorCode: Number.POSITIVE_INFINITY } }, []],
  ['text that only mentions one', '{"errorCode": ', []],
  ['text as long as is looked into', sized(LONGEST_ERROR_BYTES), [40102]],
  ['longer text', sized(LONGEST_ERROR_BYTES + 1), []],
  ['as many bytes as are looked into', Buffer.from(sized(LONGEST_ERROR_BYTES)), [40102]],
  ['more bytes', Buffer.from(sized(LONGEST_ERROR_BYTES + 1)), []],
  ['more bytes, though fewer letters', Buffer.from(sized(LONGEST_ERROR_BYTES - 9).replace('Title', 'ü'.repeat(9))), []],
])('%s', (_, body, codes) => {
  expect(readErrorBodies(body).map(({ errorCode }) => errorCode)).toEqual(codes);
});

it('gives an empty text for what is none', () => {
  expect(readErrorBodies({ body: { errorCode: 40102, title: 5 } })).toEqual([
    { errorCode: 40102, title: '', details: '' },
  ]);
});
