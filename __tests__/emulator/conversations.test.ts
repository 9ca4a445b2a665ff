import { until } from '../support/cloud.js';
import { ACCOUNT, account, closeAll, opening, start, text } from './client.js';
import { closeOf, consumerOf, detailsOf, startPair } from './connector.js';

afterEach(closeAll);

const RESOLVED = { reqId: 's', code: 'OK', body: { msg: 'OK Conversation resolved successfully' } };

describe('closing', () => {
  it.each([
    ['ConversationStateField', { field: 'ConversationStateField', conversationState: 'CLOSE' }],
    ['Stage', { field: 'Stage', conversationState: 'CLOSE' }],
    ['an array', [{ field: 'Stage', conversationState: 'CLOSE' }]],
    [
      'an array of two',
      [
        { field: 'Skill', skill: '7' },
        { field: 'ConversationStateField', conversationState: 'CLOSE' },
      ],
    ],
  ])('by %s ends the conversation, and says so to both sides', async (_, field) => {
    const { cloud, posted } = await startPair();
    const consumer = await consumerOf(cloud);
    const id = await consumer.converse();
    expect(await consumer.update(id, field)).toEqual({ status: 200, body: RESOLVED });
    await until(() => posted.length === 2);
    expect(detailsOf(posted[1] as never)).toMatchObject({
      state: 'CLOSE',
      stage: 'CLOSE',
      closeReason: 'CONSUMER',
      dialogs: [{ dialogId: id, state: 'CLOSE', closedBy: 'CONSUMER', closedCause: 'Closed by consumer' }],
    });
    // The second time nothing happens.
    expect(await consumer.update(id, field)).toEqual({ status: 200, body: RESOLVED });
    await expect(cloud.agentSays(id, 'Hi')).rejects.toThrow('is closed');
  });

  it('by DialogChange closes the main dialog, and so the conversation where no survey follows', async () => {
    const { cloud, posted } = await startPair();
    const consumer = await consumerOf(cloud);
    const id = await consumer.converse();
    expect(await consumer.update(id, closeOf(id))).toEqual({ status: 200, body: RESOLVED });
    await until(() => posted.length === 2);
    expect(detailsOf(posted[1] as never)).toMatchObject({
      state: 'CLOSE',
      stage: 'CLOSE',
      dialogs: [{ dialogId: id }],
    });
  });

  it('of an unknown dialog, and an unknown field, changes nothing and is warned of', async () => {
    const { cloud, posted } = await startPair();
    const consumer = await consumerOf(cloud);
    const id = await consumer.converse();
    await consumer.update(id, closeOf('other'));
    await consumer.update(id, [{ field: 'Misspelt' }]);
    expect(cloud.conversations[0]?.state).toBe('OPEN');
    expect(cloud.requests.slice(-2).map(({ warnings }) => warnings.length)).toEqual([1, 1]);
    expect(posted).toHaveLength(1);
  });
});

describe('a post-conversation survey', () => {
  async function startSurvey() {
    const { cloud, posted } = await startPair();
    const consumer = await consumerOf(cloud);
    const id = await consumer.converse();
    await consumer.say(id, text('Hello'));
    await cloud.agentSays(id, 'Bye');
    const question = [{ type: 'Question', id: 'q', surveyId: '9' }];
    const { dialogId, state } = await cloud.startSurvey(id, { text: 'How was it?', metadata: question });
    expect(state).toBe('delivered');
    return { cloud, posted, consumer, id, dialogId };
  }

  it('has a dialog of its own: state and stage apart, a bot, a sequence from 0, quick replies', async () => {
    const { posted, id, dialogId } = await startSurvey();
    const [changed, asked] = posted.slice(-2);
    expect(dialogId).not.toBe(id);
    expect(detailsOf(changed as never)).toMatchObject({
      state: 'CLOSE',
      stage: 'OPEN',
      participants: [{ role: 'ASSIGNED_AGENT' }, { role: 'CONSUMER' }, { role: 'AGENT' }],
      dialogs: [
        { dialogId: id, dialogType: 'MAIN', state: 'CLOSE' },
        { dialogId, dialogType: 'POST_SURVEY', state: 'OPEN', metaData: { appInstallId: expect.any(String) } },
      ],
      conversationHandlerDetails: { accountId: ACCOUNT, skillId: '-1' },
    });
    expect(detailsOf(changed as never)).not.toHaveProperty('endTs');
    expect(asked?.change).toMatchObject({
      sequence: 0,
      originatorMetadata: { role: 'AGENT' },
      conversationId: id,
      dialogId,
      metadata: [{ type: 'Question', id: 'q', surveyId: '9' }],
      event: { message: 'How was it?', quickReplies: { type: 'quickReplies' } },
    });
    expect(asked?.change.event.quickReplies.replies.at(-1)).toEqual({
      type: 'button',
      title: '5',
      click: {
        metadata: [{ type: 'Answer', questionId: 'q', id: 'answer-5' }],
        actions: [{ type: 'publishText', text: '5' }],
      },
    });
  });

  it('takes its answers, and its bot speaks in it until it is closed', async () => {
    const { cloud, posted, consumer, id, dialogId } = await startSurvey();
    const before = posted.length;
    const metadata = [{ type: 'Answer', questionId: 'q', id: 'answer-5' }];
    const action = { type: 'AcceptStatusEvent', status: 'ACTION', sequenceList: [0] };
    expect((await consumer.say(dialogId, action, { metadata })).body.body).toEqual({ sequence: 1 });
    expect((await consumer.say(dialogId, text('5'), { metadata })).body.body).toEqual({ sequence: 2 });
    await cloud.agentSays(id, 'Thank you');
    expect(posted.slice(before).map(({ change }) => change)).toEqual([
      expect.objectContaining({ dialogId, sequence: 1, metadata, event: action }),
      expect.objectContaining({ dialogId, sequence: 2, metadata }),
      expect.objectContaining({
        dialogId,
        sequence: 3,
        originatorMetadata: expect.objectContaining({ role: 'AGENT' }),
      }),
    ]);
    await cloud.closeConversation(id);
    expect(detailsOf(posted.at(-1) as never)).toMatchObject({
      state: 'CLOSE',
      stage: 'CLOSE',
      endTs: expect.any(Number),
      dialogs: [{ state: 'CLOSE' }, { state: 'CLOSE' }],
    });
    await expect(cloud.agentSays(id, 'Hi')).rejects.toThrow('is closed');
  });

  it('ends with a DialogChange of its dialog, with Stage, and by itself after a day', async () => {
    for (const end of ['dialog', 'stage', 'day']) {
      const { cloud, posted, consumer, id, dialogId } = await startSurvey();
      if (end === 'dialog') await consumer.update(id, closeOf(dialogId));
      if (end === 'stage') await consumer.update(id, { field: 'Stage', conversationState: 'CLOSE' });
      if (end === 'day') cloud.advanceClock(86_400_000);
      await until(() => cloud.conversations[0]?.stage === 'CLOSE');
      await until(() => posted.at(-1)?.change.result?.conversationDetails.stage === 'CLOSE');
      expect(detailsOf(posted.at(-1) as never).dialogs[1].closedBy).toBe(end === 'day' ? 'SYSTEM' : 'CONSUMER');
    }
  });

  it('starts by itself at a DialogChange where it is switched on, and never at a Stage', async () => {
    const { cloud, posted } = await startPair({ survey: 'How was it?' });
    const consumer = await consumerOf(cloud);
    const first = await consumer.converse();
    await consumer.update(first, { field: 'Stage', conversationState: 'CLOSE' });
    await until(() => posted.length === 2);
    expect(cloud.conversations[0]).toMatchObject({ state: 'CLOSE', stage: 'CLOSE' });
    const second = await consumer.converse();
    expect(await consumer.update(second, closeOf(second))).toEqual({ status: 200, body: RESOLVED });
    await until(() => posted.length === 5);
    expect(detailsOf(posted[3] as never)).toMatchObject({ state: 'CLOSE', stage: 'OPEN', closeReason: 'CONSUMER' });
    expect(posted[4]?.change).toMatchObject({ sequence: 0, event: { message: 'How was it?' } });
    expect(cloud.conversations[1]).toMatchObject({ state: 'CLOSE', stage: 'OPEN' });
  });

  it('asks nothing where it is closed in the same moment, and many deliveries at once are no warning', async () => {
    const warned: unknown[] = [];
    const onWarning = (warning: unknown) => warned.push(warning);
    process.on('warning', onWarning);
    const { cloud, posted } = await startPair({ survey: 'How was it?', onWarning });
    const consumers = await Promise.all(Array.from({ length: 20 }, (_, index) => consumerOf(cloud, `c${index}`)));
    await Promise.all(
      consumers.map(async (consumer) => {
        const id = await consumer.converse();
        await Promise.all([
          consumer.update(id, closeOf(id)),
          consumer.update(id, { field: 'Stage', conversationState: 'CLOSE' }),
        ]);
      }),
    );
    await until(() => cloud.deliveries.every(({ state }) => state === 'delivered'));
    expect(cloud.conversations.every(({ stage }) => stage === 'CLOSE')).toBe(true);
    expect(posted.length).toBeGreaterThanOrEqual(40);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warned).toEqual([]);
  });

  it('is one at a time, needs a text for metadata, and keeps the main dialog closed', async () => {
    const { cloud, id, consumer } = await startSurvey();
    await expect(cloud.startSurvey(id)).rejects.toThrow('has an open survey already');
    await expect(cloud.startSurvey(id, { metadata: [{ type: 'Question' }] })).rejects.toThrow(TypeError);
    await expect(cloud.startSurvey(id, { txt: 'x' } as never)).rejects.toThrow('There is no field txt here');
    await expect(cloud.agentSends(id, text('x'), { dialogId: id })).rejects.toThrow('is closed');
    await expect(cloud.agentSends(id, text('x'), { dialogId: 'none' })).rejects.toThrow('has no dialog "none"');
    expect((await consumer.say(id, text('late'))).status).toBe(200);
    expect(cloud.requests.at(-1)?.warnings).toEqual([
      'The dialog of the message is closed. A real server might refuse this.',
    ]);
  });
});

describe('a second conversation of a consumer', () => {
  it('is refused as LivePerson does: 200, and BAD_REQUEST for the item', async () => {
    const { cloud, posted } = await startPair();
    const consumer = await consumerOf(cloud);
    const id = await consumer.converse();
    await until(() => posted.length === 1);
    const first = { kind: 'req', id: '3', type: 'ms.PublishEvent', body: { event: text('Hi') } };
    const { status, body } = await consumer.open([...opening, first]);
    expect(status).toBe(200);
    const refused = { code: 'BAD_REQUEST', body: { msg: expect.stringMatching(/^User [\da-f]{64} already /) } };
    expect(body).toEqual([
      { code: 'OK', reqId: '1', body: { msg: 'OK User Profile set successfully' } },
      { ...refused, reqId: '2' },
      { ...refused, reqId: '3' },
    ]);
    expect(cloud.messages.filter(({ type }) => type !== 'userprofile.SetUserProfile')).toHaveLength(1);
    expect(cloud.conversations).toHaveLength(1);
    // The refused message has taken no number.
    expect((await consumer.say(id, text('Hello'))).body.body).toEqual({ sequence: 0 });
    await cloud.closeConversation(id);
    expect((await consumer.open()).body[1].code).toBe('OK');
  });

  it('is refused while a survey is open, and not for another consumer', async () => {
    const { cloud } = await startPair();
    const consumer = await consumerOf(cloud);
    await cloud.startSurvey(await consumer.converse());
    expect((await consumer.open()).body[1].code).toBe('BAD_REQUEST');
    expect((await (await consumerOf(cloud, 'another')).open()).body[1].code).toBe('OK');
  });

  it('opens where it is told to', async () => {
    const { cloud } = await startPair({ secondConversation: 'open' });
    const consumer = await consumerOf(cloud);
    expect(await consumer.converse()).not.toBe(await consumer.converse());
  });
});

it('a transfer shows in each event: another skill, the agent leaves, another joins', async () => {
  const { cloud, posted } = await startPair();
  const id = await (await consumerOf(cloud)).converse();
  await cloud.agentSays(id, 'Wait');
  const agentId = detailsOf(posted[1] as never).participants[0].id;
  const delivery = await cloud.transfer(id, { skillId: '4711', agentId: 'agent-2' });
  expect(delivery.state).toBe('delivered');
  const [left, joined] = posted.slice(-2).map((each) => detailsOf(each));
  expect(left).toMatchObject({ skillId: '4711', participants: [{ role: 'CONSUMER' }] });
  expect(joined).toMatchObject({
    skillId: '4711',
    conversationHandlerDetails: { skillId: '4711' },
    participants: [{ id: 'agent-2', role: 'ASSIGNED_AGENT' }, { role: 'CONSUMER' }],
  });
  await cloud.agentSays(id, 'Here I am');
  expect(posted.at(-1)?.change.originatorId).toBe('agent-2');
  await cloud.transfer(id, { skillId: '4712' });
  expect(detailsOf(posted.at(-1) as never)).toMatchObject({ skillId: '4712', participants: [{ role: 'CONSUMER' }] });
  await cloud.agentSays(id, 'And I');
  expect(posted.at(-1)?.change.originatorId).toBe(agentId);
  for (const to of [{}, { skillId: 'x' }, { skillId: 1 }, { agent: 'x' }]) {
    await expect(cloud.transfer(id, to as never)).rejects.toThrow(TypeError);
  }
  await expect(cloud.transfer('none', { agentId: 'x' })).rejects.toThrow('There is no conversation "none"');
});

it.each(['ASSIGNED_AGENT', 'AGENT', 'MANAGER', 'CONTROLLER', 'READER'] as const)(
  'a %s can speak, to all or among agents, with metadata, and is a participant then',
  async (role) => {
    const { cloud, posted } = await startPair();
    const id = await (await consumerOf(cloud)).converse();
    const metadata = [{ type: 'ExternalId', id: 'x' }];
    const how = { role, messageAudience: 'AGENTS_AND_MANAGERS' as const, metadata };
    await cloud.agentSends(id, text('psst'), how);
    await cloud.agentSends(id, text('loud'), { role });
    const [joined, psst, loud] = posted.slice(1);
    const participant = detailsOf(joined as never).participants.find((each: { role: string }) => each.role === role);
    expect(psst?.change).toMatchObject({
      sequence: 0,
      originatorId: participant.id,
      originatorMetadata: { id: participant.id, role },
      messageAudience: 'AGENTS_AND_MANAGERS',
      metadata,
    });
    expect(loud?.change).toMatchObject({ sequence: 1, originatorMetadata: { role }, messageAudience: 'ALL' });
    expect(loud?.change).not.toHaveProperty('metadata');
    expect(posted).toHaveLength(4);
  },
);

it('several events go in one notification, with a number each', async () => {
  const { cloud, posted } = await startPair();
  const id = await (await consumerOf(cloud)).converse();
  await cloud.agentSends(id, [text('one'), text('two')]);
  expect(posted.at(-1)?.changes).toMatchObject([
    { sequence: 0, event: { message: 'one' } },
    { sequence: 1, event: { message: 'two' } },
  ]);
  for (const event of [[], {}, 'text', undefined, [text('x'), {}]]) {
    await expect(cloud.agentSends(id, event as never)).rejects.toThrow('event must have a type');
  }
  await expect(cloud.agentSends(id, text('x'), { role: 'BOSS' as never })).rejects.toThrow('role must be one of');
  await expect(cloud.agentSends(id, text('x'), { messageAudience: 'ME' as never })).rejects.toThrow('messageAudience');
  await expect(cloud.agentSends(id, text('x'), { metadata: ['x'] as never })).rejects.toThrow('list of objects');
  await expect(cloud.agentSays(id, undefined as never)).rejects.toThrow('agentSays: text must be a text.');
  await expect(cloud.agentSays(7 as never, 'x')).rejects.toThrow('conversationId must be a text');
});

it('a chat state has no number: text, typing, text are 0, 0, 1', async () => {
  const { cloud, posted } = await startPair();
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  const typing = { type: 'ChatStateEvent', chatState: 'COMPOSING' };
  const sequences = [];
  for (const event of [text('a'), typing, text('b')]) sequences.push((await consumer.say(id, event)).body.body);
  expect(sequences).toEqual([{ sequence: 0 }, { sequence: 0 }, { sequence: 1 }]);
  await until(() => posted.length === 4);
  expect(posted[2]?.change).toMatchObject({ event: typing, dialogId: id });
  for (const absent of ['sequence', 'serverTimestamp']) expect(posted[2]?.change).not.toHaveProperty(absent);
  expect(posted[3]?.change).toMatchObject({ sequence: 1, serverTimestamp: expect.any(Number) });
});

it('metadata beside the body of a message comes back to the webhook', async () => {
  const { cloud, posted } = await startPair();
  const consumer = await consumerOf(cloud);
  const metadata = [{ type: 'ExternalId', id: '17' }];
  await consumer.say(await consumer.converse(), text('Hi'), { metadata });
  await until(() => posted.length === 2);
  expect(posted[1]?.change.metadata).toEqual(metadata);
  expect(cloud.messages.at(-1)).toMatchObject({ metadata });
});

it('CSAT, skill and TTR are told to the webhook, also of a conversation that is closed', async () => {
  const { cloud, posted } = await startPair();
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  await consumer.update(id, { field: 'Skill', type: 'UPDATE', skill: '88' });
  await consumer.update(id, { field: 'TTRField', ttrType: 'URGENT', value: 60 });
  await consumer.update(id, { field: 'Stage', conversationState: 'CLOSE' });
  const csat = { csatRate: 4, csatResolutionConfirmation: true, status: 'FILLED' };
  expect((await consumer.update(id, { field: 'CSATRate', ...csat })).status).toBe(200);
  await until(() => posted.length === 5);
  expect(posted.slice(1).map((each) => detailsOf(each))).toMatchObject([
    { skillId: '88' },
    { skillId: '88', ttr: { ttrType: 'URGENT', value: 60 } },
    { stage: 'CLOSE' },
    { stage: 'CLOSE', csat },
  ]);
});

it('the agent marks messages as received and read, where it is switched on', async () => {
  const { cloud, posted } = await startPair({ receipts: true });
  const consumer = await consumerOf(cloud);
  const id = await consumer.converse();
  await consumer.say(id, text('Hi'));
  await consumer.say(id, { type: 'ChatStateEvent', chatState: 'ACTIVE' });
  await until(() => posted.length === 6);
  const receipts = posted.filter(({ change }) => change.event?.type === 'AcceptStatusEvent');
  expect(receipts.map(({ change }) => [change.event, change.originatorMetadata.role, change.sequence])).toEqual([
    [{ type: 'AcceptStatusEvent', status: 'ACCEPT', sequenceList: [0] }, 'ASSIGNED_AGENT', 1],
    [{ type: 'AcceptStatusEvent', status: 'READ', sequenceList: [0] }, 'ASSIGNED_AGENT', 2],
  ]);
});

it('a snapshot starts another emulator where this one is', async () => {
  const { cloud } = await startPair();
  const consumer = await consumerOf(cloud);
  const [survey, closed] = [await consumer.converse(), await (await consumerOf(cloud, 'x')).converse()];
  await consumer.say(survey, text('Hi'));
  const { dialogId } = await cloud.startSurvey(survey, { text: 'How was it?' });
  await cloud.closeConversation(closed);
  const snapshot = JSON.parse(JSON.stringify(cloud.snapshot()));
  expect(snapshot.consumers).toMatchObject([
    { accountId: ACCOUNT, consumerId: 'c', profile: {} },
    { consumerId: 'x', lpConsumerId: expect.stringMatching(/^[\da-f]{64}$/) },
  ]);
  const next = await startPair(snapshot);
  expect(next.cloud.snapshot()).toEqual(snapshot);
  const again = await consumerOf(next.cloud);
  expect((await again.open()).body[1].code).toBe('BAD_REQUEST');
  expect((await again.say(dialogId, text('5'))).body.body).toEqual({ sequence: 1 });
  await expect(next.cloud.agentSays(closed, 'Hi')).rejects.toThrow('is closed');
});

it('seeds need no more than a consumer, and are refused where they are wrong', async () => {
  const { cloud } = await startPair({
    conversations: [{ consumerId: 'c', conversationId: 'mine' }],
    consumers: [{ consumerId: 'd' }],
  });
  expect((await cloud.agentSays('mine', 'Hi')).state).toBe('delivered');
  expect(cloud.snapshot().consumers).toMatchObject([{ accountId: ACCOUNT, consumerId: 'd' }]);
  for (const [seed, message] of [
    [{ conversations: [{}] }, 'conversations[0]: consumerId must be a text'],
    [
      { conversations: [{ consumerId: 'c', accountId: 'none' }] },
      'conversations[0]: accountId must be one of accounts',
    ],
    [{ conversations: [{ consumerId: 'c', id: 'x' }] }, 'There is no field id here'],
    [{ conversations: [{ consumerId: 'c', dialogs: [] }] }, 'the first of dialogs must be the main one'],
    [{ consumers: [{ consumerId: 7 }] }, 'consumerId must be a text'],
    [{ consumers: 'c' }, 'consumers must be a list of objects'],
  ] as const) {
    await expect(start({ accounts: [account], ...(seed as object) })).rejects.toThrow(message);
  }
});
