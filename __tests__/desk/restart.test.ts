import { endRuns, type Run, start } from '../cli/run.js';
import { converse, post, text } from '../emulator/client.js';
import { closeBrowser, closeProfiles, eventually, openDesk, openProfile, troubles } from './browser.js';

afterEach(async () => {
  await closeProfiles();
  await endRuns();
  expect(troubles.splice(0)).toEqual([]);
});
afterAll(closeBrowser);

/** The executable as it ships. */
async function startEmulator(port: string): Promise<{ origin: string; run: Run }> {
  const run = start(['emulator', '--port', port, '--client-id', 'id', '--client-secret', 'secret']);
  await run.printed('Ctrl-C ends.');
  const origin = /The desk is at (\S+)\/emulator\/desk/.exec(run.stdout)?.[1] ?? '';
  return { origin, run };
}

it('says that the connection is lost until the emulator is back, in every tab, and that it was restarted', async () => {
  const first = await startEmulator('0');
  await converse(first, 'sms-1');
  const profile = await openProfile();
  const desks = [await openDesk(first.origin, profile), await openDesk(first.origin, profile)];
  for (const desk of desks) await desk.conversations.filter({ hasText: 'sms-1' }).waitFor();

  first.run.child.kill('SIGKILL');
  await first.run.ended;
  for (const desk of desks) await desk.page.getByText('connection lost').waitFor();
  const [desk] = desks as [(typeof desks)[0]];
  await desk.say('Is anybody there?');
  await desk.status.filter({ hasText: 'This was not done' }).waitFor();
  await eventually(async () => (await desk.reply.inputValue()) === 'Is anybody there?');

  const second = await startEmulator(new URL(first.origin).port);
  expect(second.origin).toBe(first.origin);
  for (const each of desks) {
    await each.page.getByText('connection lost').waitFor({ state: 'detached' });
    await each.status.filter({ hasText: 'was restarted' }).waitFor();
    await each.conversations.first().waitFor({ state: 'detached' });
  }
  const { send } = await converse(second, 'sms-2');
  await send(text('After the restart'));
  for (const each of desks) await each.messages.getByText('After the restart').waitFor();
});

it('says that the connection is lost when the emulator hangs', async () => {
  const { origin, run } = await startEmulator('0');
  const profile = await openProfile();
  // The page's clock is held by the test; that of a worker cannot be.
  await profile.addInitScript('delete globalThis.SharedWorker');
  await profile.clock.install();
  const desk = await openDesk(origin, profile);
  await desk.page.getByText('No fault waits.').waitFor();
  run.child.kill('SIGSTOP');
  await desk.page.clock.fastForward(40_000);
  await desk.page.getByText('connection lost').waitFor();
  run.child.kill('SIGCONT');
  await desk.page.clock.fastForward(1_000);
  await desk.page.getByText('connection lost').waitFor({ state: 'detached' });
});

it('forgets what a reset forgets', async () => {
  const emulator = await startEmulator('0');
  const { send } = await converse(emulator, 'sms-1');
  await send(text('Hello'));
  const desk = await openDesk(emulator.origin);
  await desk.messages.getByText('Hello').waitFor();
  await desk.button('Advance clock').click();
  await desk.tokens.filter({ hasText: 'AppJWT' }).filter({ hasText: 'expired' }).waitFor();
  await post(emulator, '/emulator/reset', {});
  await desk.messages.getByText('Hello').waitFor({ state: 'detached' });
  await desk.conversations.waitFor({ state: 'detached' });
  await desk.tokens.filter({ hasText: 'AppJWT' }).waitFor({ state: 'detached' });
  await desk.page.getByText(/The clock is/).waitFor({ state: 'detached' });
});
