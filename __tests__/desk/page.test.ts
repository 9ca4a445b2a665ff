import { readFileSync } from 'node:fs';
import { createSelfSignedCertificate } from '../../lib/emulator/index.js';
import { closeAll, consumerJws, converse, event, post, SEND, start, text } from '../emulator/client.js';
import { startServer } from '../support/server.js';
import { closeBrowser, closeProfiles, eventually, openDesk, openProfile, troubles } from './browser.js';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

afterEach(async () => {
  await closeProfiles();
  await closeAll();
  expect(troubles.splice(0)).toEqual([]);
});
afterAll(closeBrowser);

/** A webhook that takes everything. */
const startWebhook = async (): Promise<string> => (await startServer((_, response) => void response.end())).origin;

it('loads one small page from the emulator alone, and its calls are in no log', async () => {
  const cloud = await start({ controlApi: true });
  const profile = await openProfile();
  let bytes = 0;
  const origins = new Set<string>();
  profile.on('response', (response) => {
    origins.add(new URL(response.url()).origin);
    bytes += Number(response.headers()['content-length'] ?? 0);
  });
  const page = await profile.newPage();
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => void (message.type() === 'error' && troubles.push(message.text())));
  await page.goto(cloud.origin);
  expect(page.url()).toBe(`${cloud.origin}/emulator/desk`);
  await page.getByRole('heading', { name: 'LivePerson emulator' }).waitFor();
  await page.getByText('replies reach nobody').waitFor();
  expect([...origins]).toEqual([cloud.origin]);
  expect(bytes).toBeGreaterThan(1_000);
  expect(bytes).toBeLessThan(60_000);
  expect(cloud.requests).toEqual([]);
});

it('works without a webhook: a reply is shown, and reaches nobody', async () => {
  const cloud = await start({ controlApi: true });
  await converse(cloud, 'sms-1');
  const desk = await openDesk(cloud.origin);
  await desk.say('Hello?');
  await desk.messages.getByText('Hello?').waitFor();
  expect(await desk.status.textContent()).toContain('reaches nobody');
  await desk.deliveries.filter({ hasText: 'no webhook' }).first().waitFor();
});

it('shows that the consumer is typing until the text arrives', async () => {
  const cloud = await start({ controlApi: true });
  const { id, send } = await converse(cloud, 'sms-1');
  const desk = await openDesk(cloud.origin);
  const isTyping = desk.messages.getByText('typing');
  const state = (chatState: string) => ({ type: 'ChatStateEvent', chatState });
  await send(state('COMPOSING'));
  await isTyping.waitFor();
  await send(state('PAUSE'));
  await isTyping.waitFor({ state: 'detached' });
  await send(state('COMPOSING'));
  await isTyping.waitFor();
  await send(text('Here I am'));
  await desk.messages.getByText('Here I am').waitFor();
  expect(await isTyping.count()).toBe(0);
  expect(id).toBeTruthy();
});

it('shows text from outside as text', async () => {
  const cloud = await start({ controlApi: true, webhook: await startWebhook() });
  const hostile = `<img src=x onerror="alert(1)"><script>alert(2)</script>{{7*7}}`;
  const { send } = await converse(cloud, `sms-${hostile}`);
  await send(text(hostile));
  await send({ type: 'RichContentEvent', content: { type: 'text', text: hostile } });
  await fetch(`${cloud.origin}/${encodeURIComponent(hostile)}`, { headers: { 'x-odd': hostile } });
  const desk = await openDesk(cloud.origin);
  await desk.messages.getByText(hostile, { exact: true }).waitFor();
  await desk.conversations.filter({ hasText: hostile }).waitFor();
  const odd = desk.requests.filter({ hasText: 'unknown' });
  await odd.getByRole('button').first().click();
  await odd.getByText(`x-odd: ${hostile}`).waitFor();
  await desk.say(hostile);
  await eventually(async () => (await desk.messages.getByText(hostile, { exact: true }).count()) === 2);
  expect(await desk.page.locator('img, #desk script').count()).toBe(0);
});

it('shows no whole token and no client secret, in whatever encoding they came', async () => {
  const clientSecret = 'a%b&c+d "e" secret/42';
  const account = { accountId: '70012345', clientId: 'id', clientSecret };
  const cloud = await start({ accounts: [account], controlApi: true });
  const query = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'id', client_secret: clientSecret });
  const token = `${cloud.origin}/sentinel/api/account/70012345/app/token?v=1.0`;
  const answer = await fetch(`${token}&${query}`, { method: 'POST' });
  const { access_token: jwt } = (await answer.json()) as { access_token: string };
  const jws = await consumerJws(cloud, 'sms-1', jwt);
  const escaped = [...clientSecret].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
  await fetch(`${token}&client%5Fsecret=${escaped}`, { method: 'POST' });
  await fetch(`${token}&redirect=${encodeURIComponent(encodeURIComponent(`?client_secret=${clientSecret}`))}`);
  await post(cloud, `/sentinel/api/account/70012345/app/token?v=1.0`, String(query), {
    'content-type': 'application/x-www-form-urlencoded',
  });
  await post(cloud, `/odd/${encodeURIComponent(jwt)}?of=${jws}`, { client_secret: clientSecret, note: `with ${jwt}` });
  await post(cloud, SEND, event('d', text(`${jws} and ${clientSecret}`)), {
    Authorization: jwt,
    'X-LP-ON-BEHALF': jws,
  });

  const desk = await openDesk(cloud.origin);
  const answers: Promise<string>[] = [];
  desk.page.on('response', (response) => answers.push(response.text().catch(() => '')));
  const openers = desk.requests.getByRole('button');
  await openers.first().waitFor();
  const count = await openers.count();
  expect(count).toBe(7);
  for (let index = 0; index < count; index += 1) await openers.nth(index).click();
  await eventually(async () => (await desk.page.getByText('host: ').count()) === count);
  const shown = [await desk.page.content(), await desk.page.textContent('body'), ...(await Promise.all(answers))];
  expect(shown.length).toBe(count + 2);
  const everything = shown.join('\n');
  for (const part of [jwt, jws].flatMap((each) => [each, each.split('.')[1] ?? '', each.slice(0, -4)])) {
    expect(everything).not.toContain(part);
  }
  const decoded = decodeURIComponent(everything.replace(/%(?![\da-f]{2})/gi, '%25'));
  for (const text of [everything, decoded]) {
    expect(text).not.toContain(clientSecret);
    expect(text).not.toContain('secret/42');
  }
  expect(everything).toContain(`…${jwt.slice(-4)}`);
});

it('gives a conversation to another agent and skill', async () => {
  const cloud = await start({ controlApi: true, webhook: await startWebhook() });
  const { id } = await converse(cloud, 'sms-1');
  const desk = await openDesk(cloud.origin);
  await desk.conversations.first().waitFor();
  await desk.say('Hello');
  await desk.messages.getByText('Hello').waitFor();
  const agentOf = () => cloud.conversations[0]?.participants.find(({ role }) => role === 'ASSIGNED_AGENT')?.id;
  const first = agentOf();
  await desk.button('Transfer').click();
  await desk.status.filter({ hasText: 'given to another agent' }).waitFor();
  expect(agentOf()).not.toBe(first);
  await desk.page.getByRole('textbox', { name: 'to skill' }).fill('4711');
  await desk.button('Transfer').click();
  await desk.page.getByText('Skill 4711', { exact: true }).waitFor();
  expect(cloud.conversations[0]).toMatchObject({ conversationId: id, skillId: '4711' });
});

it('works over https with a self-signed certificate', async () => {
  const tls = createSelfSignedCertificate(['localhost', '127.0.0.1']);
  const cloud = await start({ controlApi: true, tls, conversations: [{ consumerId: 'sms-1' }] });
  const desk = await openDesk(cloud.origin, await openProfile({ ignoreHTTPSErrors: true }));
  await desk.conversations.filter({ hasText: 'sms-1 open' }).waitFor();
  await desk.say('Hello');
  await desk.messages.getByText('Hello').waitFor();
});

it('is live where a browser has no shared workers', async () => {
  const cloud = await start({ controlApi: true });
  const profile = await openProfile();
  await profile.addInitScript('delete globalThis.SharedWorker');
  const desk = await openDesk(cloud.origin, profile);
  await converse(cloud, 'sms-1');
  await desk.conversations.filter({ hasText: 'sms-1 open' }).waitFor();
});

it('says in a sentence what was wrong with an input', async () => {
  const cloud = await start({ controlApi: true });
  const desk = await openDesk(cloud.origin);
  await desk.say('To whom?');
  await desk.status.filter({ hasText: 'There is no conversation yet' }).waitFor();
  expect(await desk.reply.inputValue()).toBe('To whom?');
  await desk.page.getByRole('spinbutton', { name: 'Minutes' }).fill('-5');
  await desk.button('Advance clock').click();
  await desk.status.filter({ hasText: 'ms must be a number of milliseconds, 0 or more' }).waitFor();
  await desk.page.getByRole('spinbutton', { name: 'Minutes' }).fill('');
  await desk.button('Advance clock').click();
  await desk.status.filter({ hasText: 'ms must be a number.' }).waitFor();
  await desk.page.getByRole('spinbutton', { name: 'Status' }).fill('99');
  await desk.button('Inject').click();
  await desk.status.filter({ hasText: 'an HTTP status from 200 to 599' }).waitFor();
  await desk.page.getByRole('spinbutton', { name: 'Times' }).fill('');
  await desk.button('Inject').click();
  await desk.status.filter({ hasText: 'times must be a number' }).waitFor();
});

it('is live in more tabs than a browser opens connections, and survives two that act at once', async () => {
  const cloud = await start({ controlApi: true, webhook: await startWebhook() });
  const profile = await openProfile();
  const desks = [];
  for (let tab = 0; tab < 8; tab += 1) desks.push(await openDesk(cloud.origin, profile));
  const { send } = await converse(cloud, 'sms-1');
  await send(text('To all of you'));
  for (const desk of desks) await desk.messages.getByText('To all of you').waitFor();
  const [one, two] = desks as [(typeof desks)[0], (typeof desks)[0]];
  await Promise.all([one.button('Close conversation').click(), two.button('Close conversation').click()]);
  for (const desk of desks) await desk.conversations.filter({ hasText: 'closed' }).waitFor();
  await eventually(async () => {
    const said = await Promise.all([one.status.textContent(), two.status.textContent()]);
    return ['was closed', 'is closed'].every((words) => said.some((sentence) => sentence?.includes(words)));
  });
});

it('can be used by keyboard alone, with a visible focus', async () => {
  const cloud = await start({ controlApi: true, webhook: await startWebhook() });
  await converse(cloud, 'sms-1');
  await converse(cloud, 'sms-2');
  const desk = await openDesk(cloud.origin);
  const { keyboard } = desk.page;
  const focused = 'document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText ?? ""';
  const tabTo = async (name: RegExp) => {
    for (let count = 0; count < 80; count += 1) {
      await keyboard.press('Tab');
      if (name.test(String(await desk.page.evaluate(focused)))) return;
    }
    throw new Error(`The keyboard does not reach ${name}.`);
  };
  await desk.conversations.nth(1).waitFor();
  await tabTo(/sms-1/);
  await keyboard.press('Enter');
  await tabTo(/Reply as agent/);
  const outline = 'getComputedStyle(document.activeElement).outlineStyle';
  expect(await desk.page.evaluate(outline)).toBe('solid');
  await keyboard.type('By keyboard');
  await keyboard.press('Enter');
  await desk.messages.getByText('By keyboard').waitFor();
  expect(await desk.status.textContent()).toContain('sms-1');
  await tabTo(/^Revoke AppJWTs/);
  await keyboard.press('Space');
  await desk.tokens.filter({ hasText: 'revoked' }).first().waitFor();
  await tabTo(/Minutes/);
  await keyboard.type('5');
  await keyboard.press('Enter');
  await desk.page.getByText(/The clock is .* ahead/).waitFor();
  await tabTo(/^Redeliver/);
  await keyboard.press('Enter');
  await desk.status.filter({ hasText: 'once more' }).waitFor();
});

it.each(['light', 'dark'] as const)(
  'axe finds no serious fault, and 400 pixels are enough (%s)',
  async (colorScheme) => {
    const cloud = await start({ controlApi: true, webhook: await startWebhook() });
    const { send } = await converse(cloud, `sms-${'long'.repeat(40)}`);
    await send(text('x'.repeat(500)));
    const profile = await openProfile({ colorScheme, viewport: { width: 400, height: 800 } });
    const desk = await openDesk(cloud.origin, profile);
    await desk.say('A reply');
    await desk.deliveries.filter({ hasText: 'delivered' }).first().waitFor();
    await desk.requests.getByRole('button').first().click();
    await desk.page.getByText('host: ').waitFor();
    expect(await desk.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
    await desk.page.evaluate(AXE);
    for (const width of [400, 1280]) {
      await desk.page.setViewportSize({ width, height: 800 });
      const violations = (await desk.page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes[0].html })))',
      )) as { impact: string }[];
      expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([]);
    }
    const background = await desk.page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(colorScheme === 'dark' ? 'rgb(18, 21, 27)' : 'rgb(244, 245, 247)');
  },
);

it('answers at once with 1,000 messages and 5,000 requests, and while a connector floods it', async () => {
  const cloud = await start({ controlApi: true, webhook: await startWebhook() });
  const { send } = await converse(cloud, 'sms-1');
  for (let batch = 0; batch < 20; batch += 1) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => send(text(`message ${batch * 50 + index}`))));
    await Promise.all(
      Array.from({ length: 200 }, () => fetch(`${cloud.origin}/flood`).then((answer) => answer.text())),
    );
  }
  expect(cloud.requests.length).toBeGreaterThan(5_000);
  const desk = await openDesk(cloud.origin);
  await desk.messages.getByText('message 999', { exact: true }).waitFor();
  expect(await desk.messages.getByRole('article').count()).toBe(1_000);
  expect(await desk.requests.count()).toBeLessThanOrEqual(201);

  const durationOf = async (reply: string): Promise<number> => {
    const startedAt = performance.now();
    await desk.say(reply);
    await desk.messages.getByText(reply, { exact: true }).waitFor();
    return performance.now() - startedAt;
  };
  const durations: number[] = [];
  for (let count = 0; count < 10; count += 1) durations.push(await durationOf(`reply ${count}`));
  // The fastest tells how fast the page is; the others tell how busy the machine is.
  expect(Math.min(...durations)).toBeLessThan(1_000);

  let isFlooding = true;
  const flood = (async () => {
    while (isFlooding) await Promise.all(Array.from({ length: 20 }, () => fetch(`${cloud.origin}/flood`)));
  })();
  for (let count = 0; count < 5; count += 1) await durationOf(`reply in the flood ${count}`);
  isFlooding = false;
  await flood;
});
