import type { EmulatorAccount } from './account.js';
import {
  type Conversation,
  type ConversationBook,
  type Dialog,
  isOpen,
  mainDialogOf,
  newDialog,
  type Participant,
} from './conversations.js';
import { assertFields, assertText } from './fields.js';
import { stateOf } from './notifications.js';

/** A conversation as it is now. */
export interface ConversationState {
  /** The conversation's id, which is also that of its main dialog. */
  conversationId: string;
  /** The brand. */
  accountId: string;
  /** The connector's own id of the consumer, such as `sms-4915550001`. */
  consumerId: string;
  /** Of the main dialog. */
  state: 'OPEN' | 'CLOSE';
  /** Of the whole conversation: `OPEN` while a survey is open. */
  stage: 'OPEN' | 'CLOSE';
  /** At most 10 digits; `-1` for none. */
  skillId: string;
  /** How soon an answer is due. */
  ttr: {
    /** `NORMAL`, `URGENT` or `PRIORITIZED`. */
    ttrType: string;
    /** Seconds. */
    value: number;
  };
  /** The consumer's rating. */
  csat?: Record<string, unknown>;
  /** Epoch milliseconds, as the other times. */
  openedAt: number;
  /** When it last changed. */
  changedAt: number;
  /** Those that are in it now. */
  participants: Participant[];
  /** The main one first. */
  dialogs: DialogState[];
}

/** A dialog as it is now. */
export interface DialogState {
  /** The conversation's id for the main dialog. */
  dialogId: string;
  /** `MAIN` for the talk with the agent, `POST_SURVEY` for the survey after it. */
  dialogType: 'MAIN' | 'POST_SURVEY';
  /** Of this dialog alone. */
  state: 'OPEN' | 'CLOSE';
  /** Epoch milliseconds, as the other times. */
  openedAt: number;
  /** When it last changed. */
  changedAt: number;
  /** How it ended; absent while it is open. */
  closed?: {
    /** Who closed it. */
    by: 'AGENT' | 'CONSUMER' | 'SYSTEM';
    /** A sentence, such as `Closed by consumer`. */
    cause: string;
    /** Epoch milliseconds. */
    at: number;
  };
  /** The sequence of its next event. */
  nextSequence: number;
}

/** A consumer that the emulator knows. */
export interface ConsumerState {
  /** The brand. */
  accountId: string;
  /** The connector's own id of the consumer, such as `sms-4915550001`. */
  consumerId: string;
  /** LivePerson's own id: 64 hex digits. */
  lpConsumerId: string;
  /** What the last `userprofile.SetUserProfile` said. */
  profile?: unknown;
}

/** What `snapshot()` returns and `startEmulator` takes. It is plain JSON. */
export interface Snapshot {
  /** Open and closed, oldest first. */
  conversations: ConversationState[];
  /** Those that the emulator knows, with or without a conversation. */
  consumers: ConsumerState[];
}

/** A conversation to start with. All but the consumer has a default: a new open conversation of the first account. */
export type ConversationSeed = Pick<ConversationState, 'consumerId'> & Partial<ConversationState>;

/** A consumer to start with. `accountId` is by default that of the first account. */
export type ConsumerSeed = Pick<ConsumerState, 'consumerId'> & Partial<ConsumerState>;

const CONVERSATION_FIELDS = {
  conversationId: 'text',
  accountId: 'text',
  consumerId: 'text',
  state: 'text',
  stage: 'text',
  skillId: 'text',
  ttr: 'object',
  csat: 'object',
  openedAt: 'number',
  changedAt: 'number',
  participants: 'objects',
  dialogs: 'objects',
} as const satisfies Record<keyof ConversationState, string>;

const CONSUMER_FIELDS = {
  accountId: 'text',
  consumerId: 'text',
  lpConsumerId: 'text',
  profile: 'anything',
} as const satisfies Record<keyof ConsumerState, string>;

export function takeSnapshot(conversations: ConversationBook): Snapshot {
  const { consumers } = conversations;
  return {
    conversations: conversations.all().map(describeConversation),
    consumers: consumers().map(({ profile, ...consumer }) => ({
      ...consumer,
      ...(profile !== undefined && { profile }),
    })),
  };
}

function describeConversation(conversation: Conversation): ConversationState {
  const { id, accountId, consumerId, skillId, ttr, csat, openedAt, changedAt, participants } = conversation;
  return {
    conversationId: id,
    accountId,
    consumerId,
    state: stateOf(!mainDialogOf(conversation).closed),
    stage: stateOf(isOpen(conversation)),
    skillId,
    ttr: { ...ttr },
    ...(csat && { csat: { ...csat } }),
    openedAt,
    changedAt,
    participants: participants.map((each) => ({ ...each })),
    dialogs: conversation.dialogs.map(describeDialog),
  };
}

const describeDialog = ({ id, type, openedAt, changedAt, closed, nextSequence }: Dialog): DialogState => ({
  dialogId: id,
  dialogType: type,
  state: stateOf(!closed),
  openedAt,
  changedAt,
  ...(closed && { closed: { ...closed } }),
  nextSequence,
});

/** Puts seeds into the book. @throws TypeError naming the seed that is wrong */
export function plantSeeds(
  conversations: ConversationBook,
  accounts: readonly EmulatorAccount[],
  seeds: { readonly conversations: readonly ConversationSeed[]; readonly consumers: readonly ConsumerSeed[] },
): void {
  const accountOf = (where: string, accountId = accounts[0]?.accountId ?? ''): string => {
    if (accounts.some((account) => account.accountId === accountId)) return accountId;
    throw new TypeError(`${where}: accountId must be one of accounts; received ${JSON.stringify(accountId)}.`);
  };
  seeds.consumers.forEach((seed, index) => {
    const where = `startEmulator: consumers[${index}]`;
    assertFields(where, seed, CONSUMER_FIELDS);
    assertText(where, 'consumerId', seed.consumerId);
    const accountId = accountOf(where, seed.accountId);
    conversations.meet({ accountId, consumerId: seed.consumerId }).profile = seed.profile;
  });
  seeds.conversations.forEach((seed, index) => {
    const where = `startEmulator: conversations[${index}]`;
    assertFields(where, seed, CONVERSATION_FIELDS);
    assertText(where, 'consumerId', seed.consumerId);
    const accountId = accountOf(where, seed.accountId);
    plant(conversations, where, { ...seed, accountId });
  });
}

function plant(
  conversations: ConversationBook,
  where: string,
  seed: ConversationSeed & Pick<ConversationState, 'accountId'>,
): void {
  const { accountId, consumerId } = seed;
  const fresh = conversations.create({ accountId, consumerId }, {});
  const id = seed.conversationId ?? fresh.id;
  if (conversations.find(id)) throw new TypeError(`${where}: there is a conversation ${JSON.stringify(id)} already.`);
  const dialogs = (seed.dialogs ?? [{ dialogId: id, dialogType: 'MAIN' as const }]).map((dialog): Dialog => {
    assertText(where, 'dialogs[].dialogId', dialog.dialogId);
    const {
      openedAt = fresh.openedAt,
      changedAt = openedAt,
      closed,
      nextSequence = 0,
    } = dialog as Partial<DialogState>;
    const isClosed = closed === undefined && (dialog as Partial<DialogState>).state === 'CLOSE';
    return {
      ...newDialog(dialog.dialogId, dialog.dialogType, openedAt),
      changedAt,
      closed: isClosed ? { by: 'AGENT', cause: 'Closed by agent', at: changedAt } : closed,
      nextSequence,
    };
  });
  if (dialogs.length === 0 || dialogs[0]?.id !== id) {
    throw new TypeError(`${where}: the first of dialogs must be the main one, with the id of the conversation.`);
  }
  if (!seed.dialogs && (seed.state === 'CLOSE' || seed.stage === 'CLOSE')) {
    const at = seed.changedAt ?? fresh.changedAt;
    Object.assign(dialogs[0], { closed: { by: 'AGENT', cause: 'Closed by agent', at } });
  }
  conversations.add({
    ...fresh,
    id,
    openedAt: seed.openedAt ?? fresh.openedAt,
    changedAt: seed.changedAt ?? fresh.changedAt,
    ttr: seed.ttr ?? fresh.ttr,
    skillId: seed.skillId ?? fresh.skillId,
    csat: seed.csat,
    participants: seed.participants ?? fresh.participants,
    dialogs,
  });
}
