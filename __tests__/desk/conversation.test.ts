import { closeAll, start } from '../emulator/client.js';
import { until } from '../support/cloud.js';
import { closeBrowser, closeProfiles, openDesk, paint, troubles } from './browser.js';
import { closeConnectors, startConnector } from './connector.js';

/** For the README and docs/emulator.md. */
const PICTURE = 'docs/desk.png';

afterEach(async () => {
  await closeProfiles();
  await closeConnectors();
  await closeAll();
  expect(troubles.splice(0)).toEqual([]);
});
afterAll(closeBrowser);

it('plays a whole conversation: message, reply, revoked AppJWT, replay, survey, fault, redelivery', async () => {
  const connector = await startConnector();
  const cloud = await start({ controlApi: true, webhook: connector.webhook });
  connector.connect(cloud.origin);
  const desk = await openDesk(cloud.origin);
  expect(await desk.page.title()).toContain('LivePerson emulator');

  const id = await connector.converse('sms-1');
  await connector.say('sms-1', id, 'Where is my parcel?');
  await desk.conversations.filter({ hasText: /sms-1 open/ }).click();
  await desk.messages.getByText('Where is my parcel?').waitFor();

  await desk.say('It arrives today.');
  await desk.messages.getByText('It arrives today.').waitFor();
  await until(() => connector.replies().length === 1);
  expect(connector.replies()).toEqual(['It arrives today.']);
  expect(await desk.reply.inputValue()).toBe('');

  await desk.button('Revoke AppJWTs').click();
  await desk.tokens.filter({ hasText: 'AppJWT' }).filter({ hasText: 'revoked' }).waitFor();
  await connector.say('sms-1', id, 'Thank you.');
  const replay = desk.requests.filter({ hasText: 'replay' });
  await replay.filter({ hasText: '200' }).waitFor();
  const sends = await desk.requests.filter({ hasText: 'send' }).allInnerTexts();
  expect(sends.map((text) => [/\b(200|401)\b/.exec(text)?.[0], /40102/.test(text), /replay/.test(text)])).toEqual([
    ['401', true, false],
    ['200', false, true],
    ['200', false, false],
  ]);
  const rows = await desk.requests.allInnerTexts();
  expect(rows.findIndex((text) => text.includes('replay'))).toBe(rows.findIndex((text) => text.includes('40102')) + 1);

  await replay.getByRole('button').first().click();
  await replay.getByText('"message": "Thank you."').waitFor();
  await replay.getByText('authorization: …').waitFor();

  await paint(desk, PICTURE);

  await desk.button('Start survey').click();
  await desk.messages.getByText('survey bot').waitFor();
  await until(() => connector.replies().length === 2);
  await desk.conversations.filter({ hasText: 'open' }).waitFor();
  await desk.button('Close conversation').click();
  await desk.conversations.filter({ hasText: 'closed' }).waitFor();
  await desk.button('Close conversation').click();
  await desk.status.filter({ hasText: 'is closed' }).waitFor();

  await desk.faults.getByRole('combobox', { name: 'Service' }).selectOption('conversation');
  await desk.faults.getByRole('spinbutton', { name: 'Status' }).fill('503');
  await desk.faults.getByRole('spinbutton', { name: 'Times' }).fill('1');
  await desk.faults.getByRole('button', { name: 'Inject' }).click();
  await desk.page.getByText('Waiting: 1 for conversation.').waitFor();
  await connector.converse('sms-2').catch(() => {});
  await desk.requests.filter({ hasText: 'conversation' }).filter({ hasText: '503' }).waitFor();

  const before = connector.heard.length;
  const parcel = desk.deliveries.filter({ hasText: 'ContentEvent' }).last();
  expect(await parcel.textContent()).toContain('delivered');
  await parcel.getByRole('button', { name: 'Redeliver' }).click();
  await until(() => connector.heard.length > before);
  expect(connector.heard.at(-1)).toEqual(connector.heard.find(({ body }) => body.changes[0].event));
});
