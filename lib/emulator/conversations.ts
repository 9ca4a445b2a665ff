import { randomUUID } from 'node:crypto';
import { keepNewest, MAX_ENTRIES } from './bounded-log.js';
import type { ChangeFeed } from './changes.js';
import type { EmulatorClock } from './clock.js';
import { lpConsumerId } from './tokens.js';
import type { AgentRole, Role } from './wire.js';

export type ClosedBy = 'AGENT' | 'CONSUMER' | 'SYSTEM';

/** A consumer of a brand. */
export interface Party {
  /** The brand. */
  readonly accountId: string;
  /** The connector's own id of the consumer, such as `sms-4915550001`. */
  readonly consumerId: string;
}

/** A consumer that has a ConsumerJWS. */
export interface Consumer extends Party {
  /** LivePerson's own id. */
  readonly lpConsumerId: string;
  /** What the last `userprofile.SetUserProfile` said. */
  profile: unknown;
}

/** Somebody who is in a conversation. */
export interface Participant {
  /** Of a consumer, LivePerson's own id. */
  readonly id: string;
  /** `CONSUMER`, or a role of LivePerson's side. */
  readonly role: Role;
}

/** A part of a conversation, with its own sequence: the talk with the agent, or the survey after it. */
export interface Dialog {
  readonly id: string;
  readonly type: 'MAIN' | 'POST_SURVEY';
  /** Epoch milliseconds, as the other times. */
  readonly openedAt: number;
  changedAt: number;
  closed: { readonly by: ClosedBy; readonly cause: string; readonly at: number } | undefined;
  /** The sequence of its next event. */
  nextSequence: number;
  /** Runs when it is closed or forgotten. */
  onEnd: (() => void) | undefined;
}

export interface Conversation extends Party {
  readonly id: string;
  readonly openedAt: number;
  changedAt: number;
  ttr: { readonly ttrType: string; readonly value: number };
  skillId: string;
  csat: Readonly<Record<string, unknown>> | undefined;
  /** Those that are in it now. */
  participants: Participant[];
  /** The main one first. */
  readonly dialogs: Dialog[];
}

/** The conversations, open and closed, and the consumers. */
export interface ConversationBook {
  /** `wish` is the body of the consumer's request. */
  open(owner: Party, wish: Readonly<Record<string, unknown>>): Conversation;
  /** A new one that is not in the book. */
  create(owner: Party, wish: Readonly<Record<string, unknown>>): Conversation;
  /** Puts a conversation in, as it is. */
  add(conversation: Conversation): void;
  /** Oldest first. */
  all(): Conversation[];
  find(conversationId: unknown): Conversation | undefined;
  /** By the id of a dialog; that of a main dialog is the conversation's. */
  findDialog(dialogId: unknown): { conversation: Conversation; dialog: Dialog } | undefined;
  /** @throws Error when there is none of that id, or when it is closed */
  findOpen(conversationId: string): Conversation;
  /** The latest, if its stage is open. */
  findOpenOf(owner: Party): Conversation | undefined;
  /** The place of the next event in a dialog that nobody opened, from 0. */
  takeSequenceOfUnknown(dialogId: string): number;
  /** A consumer is known from now on. */
  meet(party: Party): Consumer;
  consumers(): Consumer[];
  clear(): void;
}

const DEFAULT_TTR_SECONDS = 600;

export function createConversationBook(clock: EmulatorClock, changes: ChangeFeed): ConversationBook {
  const conversations = new Map<string, Conversation>();
  const dialogs = new Map<string, Conversation>();
  /** The latest conversation of each consumer. */
  const latest = new Map<string, Conversation>();
  const sequencesOfUnknown = new Map<string, number>();
  const consumers = new Map<string, Consumer>();

  function forget(conversation: Conversation): void {
    conversations.delete(conversation.id);
    for (const dialog of conversation.dialogs) {
      dialogs.delete(dialog.id);
      dialog.onEnd?.();
    }
    const consumer = keyOf(conversation);
    if (latest.get(consumer) === conversation) latest.delete(consumer);
  }

  function add(conversation: Conversation): void {
    conversations.set(conversation.id, conversation);
    for (const { id } of conversation.dialogs) dialogs.set(id, conversation);
    if (isOpen(conversation)) latest.set(keyOf(conversation), conversation);
    while (conversations.size > MAX_ENTRIES) forget(conversations.values().next().value as Conversation);
    changes.emit('conversation');
  }

  function create(owner: Party, { ttrDefName, skillId }: Readonly<Record<string, unknown>>): Conversation {
    const now = clock.now();
    const id = randomUUID();
    return {
      ...owner,
      id,
      openedAt: now,
      changedAt: now,
      ttr: { ttrType: typeof ttrDefName === 'string' ? short(ttrDefName) : 'NORMAL', value: DEFAULT_TTR_SECONDS },
      skillId: typeof skillId === 'string' ? short(skillId) : '-1',
      csat: undefined,
      participants: [{ id: lpConsumerId(owner.accountId, owner.consumerId), role: 'CONSUMER' }],
      dialogs: [newDialog(id, 'MAIN', now)],
    };
  }

  return {
    open(owner, wish) {
      const conversation = create(owner, wish);
      add(conversation);
      return conversation;
    },
    create,
    add,
    all: () => [...conversations.values()],
    find: (conversationId) => conversations.get(String(conversationId)),
    findDialog(dialogId) {
      const conversation = dialogs.get(String(dialogId));
      const dialog = conversation?.dialogs.find(({ id }) => id === dialogId);
      return conversation && dialog && { conversation, dialog };
    },
    findOpen(conversationId) {
      const conversation = conversations.get(conversationId);
      if (!conversation) {
        throw new Error(
          `There is no conversation ${JSON.stringify(conversationId)}: open one with CONVERSATION first.`,
        );
      }
      if (!isOpen(conversation)) throw new Error(`The conversation ${conversationId} is closed: open a new one.`);
      return conversation;
    },
    findOpenOf(owner) {
      const conversation = latest.get(keyOf(owner));
      return conversation && isOpen(conversation) ? conversation : undefined;
    },
    takeSequenceOfUnknown(given) {
      const dialogId = short(given);
      const sequence = sequencesOfUnknown.get(dialogId) ?? 0;
      sequencesOfUnknown.set(dialogId, sequence + 1);
      keepNewest(sequencesOfUnknown);
      return sequence;
    },
    meet({ accountId, consumerId }) {
      const id = lpConsumerId(accountId, consumerId);
      const known = consumers.get(id) ?? { accountId, consumerId, lpConsumerId: id, profile: undefined };
      consumers.set(id, known);
      keepNewest(consumers);
      return known;
    },
    consumers: () => [...consumers.values()],
    clear() {
      for (const conversation of conversations.values()) forget(conversation);
      sequencesOfUnknown.clear();
      consumers.clear();
      changes.emit('conversation');
    },
  };
}

/** Of a text that a client chose, no more than this is remembered. */
export const short = (text: string): string => text.slice(0, 200);

const keyOf = ({ accountId, consumerId }: Party): string => JSON.stringify([accountId, consumerId]);

export const newDialog = (id: string, type: Dialog['type'], now: number): Dialog => ({
  id,
  type,
  openedAt: now,
  changedAt: now,
  closed: undefined,
  nextSequence: 0,
  onEnd: undefined,
});

export const mainDialogOf = (conversation: Conversation): Dialog => conversation.dialogs[0] as Dialog;

/** Its open survey. */
export const surveyOf = (conversation: Conversation): Dialog | undefined =>
  conversation.dialogs.find(({ type, closed }) => type === 'POST_SURVEY' && !closed);

/** Whether its stage is open: a dialog of it is. */
export const isOpen = ({ dialogs }: Conversation): boolean => dialogs.some(({ closed }) => !closed);

/** The place of the next event in a dialog, from 0. */
export function takeSequence(dialog: Dialog): number {
  dialog.nextSequence += 1;
  return dialog.nextSequence - 1;
}

export function closeDialog(conversation: Conversation, dialog: Dialog, by: ClosedBy, cause: string, at: number): void {
  dialog.closed = { by, cause, at };
  dialog.changedAt = at;
  conversation.changedAt = at;
  dialog.onEnd?.();
}

/** Closes every dialog that is still open. */
export function closeAll(conversation: Conversation, by: ClosedBy, cause: string, at: number): void {
  for (const dialog of conversation.dialogs) if (!dialog.closed) closeDialog(conversation, dialog, by, cause, at);
}

/** The participant of a role, if there is one. */
export const participantOf = ({ participants }: Conversation, role: Role): Participant | undefined =>
  participants.find((each) => each.role === role);

/** Agents and managers come before the consumer, bots after it. @returns the new participant */
export function join(conversation: Conversation, role: AgentRole, id: string, now: number): Participant {
  const participant = { id, role };
  const { participants } = conversation;
  conversation.participants = role === 'AGENT' ? [...participants, participant] : [participant, ...participants];
  conversation.changedAt = now;
  return participant;
}
