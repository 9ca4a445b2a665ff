import { randomUUID } from 'node:crypto';
import type { ChangeFeed } from './changes.js';
import type { EmulatorClock } from './clock.js';
import { applyFields, type FieldEffect } from './conversation-fields.js';
import {
  type Conversation,
  type ConversationBook,
  closeAll,
  closeDialog,
  type Dialog,
  isOpen,
  join,
  mainDialogOf,
  newDialog,
  type Participant,
  participantOf,
  surveyOf,
  takeSequence,
} from './conversations.js';
import type { Delivery } from './delivery.js';
import {
  type AgentSendOptions,
  assertHow,
  assertSurvey,
  assertTransfer,
  readEvents,
  type SurveyOptions,
  type TransferOptions,
} from './desk-input.js';
import { assertText } from './fields.js';
import { conversationNotification, messagingNotification, type Utterance } from './notifications.js';
import type { ResolvedOptions } from './options.js';
import { SURVEY_LIFETIME_MS, surveyQuestion } from './survey.js';
import type { Transcript } from './transcript.js';
import type { Webhook } from './webhook.js';
import { type AgentRole, type ConversationEvent, type Metadata, textEvent } from './wire.js';

/** LivePerson's side of a conversation. The connector's webhook is told what happens there. */
export interface AgentDesk extends AgentActs {
  /** The same acts. They are also possible while there is no webhook: then they reach nobody. */
  readonly unheard: AgentActs;
  readonly listener: ConversationListener;
}

/** What an agent can do. Each call throws as `send` does. */
export interface AgentActs {
  /**
   * Several events go in one notification.
   *
   * @throws Error when there is no such open conversation, or no webhook
   * @throws TypeError for a misuse
   */
  send(
    conversationId: string,
    event: ConversationEvent | readonly ConversationEvent[],
    options?: AgentSendOptions,
  ): Promise<Delivery>;
  startSurvey(conversationId: string, survey?: SurveyOptions): Promise<Delivery & { dialogId: string }>;
  transfer(conversationId: string, to: TransferOptions): Promise<Delivery>;
  /** Ends the open survey, else the whole conversation. */
  closeConversation(conversationId: string): Promise<Delivery>;
}

/** Told what a consumer did, once the answer to it is on its way. */
export interface ConversationListener {
  onOpened(conversation: Conversation): void;
  onPublished(conversation: Conversation, dialog: Dialog, said: Said): void;
  /** Applies the fields at once. @returns what they did, and how to notify the webhook */
  onFields(conversation: Conversation, fields: unknown): FieldEffect & { tell(): void };
}

/** What a consumer said in an open dialog. */
export interface Said {
  readonly event: ConversationEvent;
  /** `undefined` for a chat state. */
  readonly sequence: number | undefined;
  readonly metadata: readonly Metadata[] | undefined;
}

export function createAgentDesk(
  options: Pick<ResolvedOptions, 'autoReply' | 'survey' | 'receipts' | 'onWarning'>,
  conversations: ConversationBook,
  transcript: Transcript,
  webhook: Webhook,
  clock: EmulatorClock,
  changes: ChangeFeed,
): AgentDesk {
  const defaultAgentId = randomUUID();

  function assertWebhook(): void {
    if (webhook.isSet) return;
    throw new Error(
      'There is no webhook to deliver to: set one with --webhook, the option webhook or setWebhook() first.',
    );
  }

  function tell(conversation: Conversation): Promise<Delivery> {
    changes.emit('conversation');
    return webhook.deliver(conversationNotification(conversation));
  }

  const tellIfHeard = (conversation: Conversation) => {
    if (webhook.isSet) void tell(conversation);
    else changes.emit('conversation');
  };

  function dialogOf(conversation: Conversation, dialogId: string | undefined): Dialog {
    const dialog =
      dialogId === undefined
        ? (surveyOf(conversation) ?? mainDialogOf(conversation))
        : conversation.dialogs.find(({ id }) => id === dialogId);
    if (!dialog) throw new Error(`The conversation ${conversation.id} has no dialog ${JSON.stringify(dialogId)}.`);
    if (dialog.closed) throw new Error(`The dialog ${dialog.id} is closed: name an open one, or none.`);
    return dialog;
  }

  /** The webhook is told when somebody joins. */
  function participantFor(conversation: Conversation, role: AgentRole): Participant {
    const present = participantOf(conversation, role);
    if (present) return present;
    const joined = join(conversation, role, role === 'ASSIGNED_AGENT' ? defaultAgentId : randomUUID(), clock.now());
    void tell(conversation);
    return joined;
  }

  function openSurvey(conversation: Conversation): Dialog {
    const now = clock.now();
    const main = mainDialogOf(conversation);
    if (!main.closed) closeDialog(conversation, main, 'AGENT', 'Closed by agent', now);
    const dialog = newDialog(randomUUID(), 'POST_SURVEY', now);
    conversation.dialogs.push(dialog);
    conversations.add(conversation);
    if (!participantOf(conversation, 'AGENT')) join(conversation, 'AGENT', randomUUID(), now);
    void expire(conversation, dialog);
    return dialog;
  }

  async function expire(conversation: Conversation, dialog: Dialog): Promise<void> {
    const over = new AbortController();
    dialog.onEnd = () => over.abort();
    await clock.wait(SURVEY_LIFETIME_MS, over.signal);
    // The wait also ends with the dialog and with the emulator.
    if (over.signal.aborted || clock.now() < dialog.openedAt + SURVEY_LIFETIME_MS) return;
    closeDialog(conversation, dialog, 'SYSTEM', 'Survey expired', clock.now());
    tellIfHeard(conversation);
  }

  function createActs(assertHeard: () => void): AgentActs {
    function findOpen(caller: string, conversationId: string): Conversation {
      assertText(caller, 'conversationId', conversationId);
      const conversation = conversations.findOpen(conversationId);
      assertHeard();
      return conversation;
    }

    function send(
      conversationId: string,
      given: ConversationEvent | readonly ConversationEvent[],
      how: AgentSendOptions = {},
    ): Promise<Delivery> {
      const events = readEvents(given);
      assertHow(how);
      const conversation = findOpen('agentSends', conversationId);
      const dialog = dialogOf(conversation, how.dialogId);
      const role = how.role ?? (dialog.type === 'POST_SURVEY' ? 'AGENT' : 'ASSIGNED_AGENT');
      const originator = participantFor(conversation, role);
      const utterances = events.map(
        (event): Utterance => ({
          dialog,
          originator,
          event,
          sequence: takesSequence(event) ? takeSequence(dialog) : undefined,
          audience: how.messageAudience ?? 'ALL',
          metadata: how.metadata,
          time: clock.now(),
        }),
      );
      for (const utterance of utterances) transcript.add(conversation, utterance);
      return webhook.deliver(messagingNotification(conversation, utterances as [Utterance, ...Utterance[]]));
    }

    return {
      send,
      startSurvey(conversationId, survey = {}) {
        assertSurvey(survey);
        const conversation = findOpen('startSurvey', conversationId);
        if (surveyOf(conversation)) throw new Error(`The conversation ${conversationId} has an open survey already.`);
        const { id: dialogId } = openSurvey(conversation);
        const told = tell(conversation);
        return (ask(conversation, survey, dialogId) ?? told).then((delivery) => Object.assign(delivery, { dialogId }));
      },
      transfer(conversationId, to) {
        assertTransfer(to);
        const { skillId, agentId } = to;
        const conversation = findOpen('transfer', conversationId);
        if (mainDialogOf(conversation).closed) {
          throw new Error(`The conversation ${conversationId} is in its survey: it cannot be transferred any more.`);
        }
        conversation.changedAt = clock.now();
        conversation.participants = conversation.participants.filter(({ role }) => role !== 'ASSIGNED_AGENT');
        if (skillId !== undefined) conversation.skillId = skillId;
        const left = tell(conversation);
        if (agentId === undefined) return left;
        join(conversation, 'ASSIGNED_AGENT', agentId, clock.now());
        return tell(conversation);
      },
      closeConversation(conversationId) {
        const conversation = findOpen('closeConversation', conversationId);
        closeAll(conversation, 'AGENT', 'Closed by agent', clock.now());
        return tell(conversation);
      },
    };
  }

  const unheard = createActs(() => {});

  function ask(
    { id }: Conversation,
    { text, metadata }: SurveyOptions,
    dialogId: string,
  ): Promise<Delivery> | undefined {
    if (text === undefined) return undefined;
    const question = surveyQuestion(text, metadata);
    return unheard.send(id, question.event, { dialogId, metadata: [...question.metadata] });
  }

  /** What the agent does by itself when a consumer has said something. */
  function react(conversation: Conversation, dialog: Dialog, { event, sequence }: Said): void {
    const isMessage = event.type === 'ContentEvent' || event.type === 'RichContentEvent';
    if (options.receipts && isMessage && sequence !== undefined) {
      for (const status of ['ACCEPT', 'READ']) {
        void unheard.send(
          conversation.id,
          { type: 'AcceptStatusEvent', status, sequenceList: [sequence] },
          { dialogId: dialog.id },
        );
      }
    }
    const { message } = event;
    if (dialog.type !== 'MAIN' || typeof message !== 'string') return;
    const { id: conversationId, accountId, consumerId } = conversation;
    const reply = options.autoReply?.(message, { conversationId, accountId, consumerId });
    if (reply !== undefined) void unheard.send(conversation.id, textEvent(reply));
  }

  return {
    ...createActs(assertWebhook),
    unheard,
    listener: {
      onOpened: tellIfHeard,
      onPublished(conversation, dialog, said) {
        const originator = participantOf(conversation, 'CONSUMER') as Participant;
        const utterance = { ...said, dialog, originator, time: clock.now() };
        transcript.add(conversation, utterance);
        if (!webhook.isSet) return;
        // A consumer's own messages come back: connectors must know them by their role.
        void webhook.deliver(messagingNotification(conversation, [utterance]));
        // Before it reacts, the conversation may have been closed.
        if (dialog.closed || !isOpen(conversation)) return;
        try {
          react(conversation, dialog, said);
        } catch (error) {
          options.onWarning(`The option autoReply threw: ${error}`);
        }
      },
      onFields(conversation, fields) {
        const effect = applyFields(conversation, fields, options.survey !== undefined, clock.now());
        const survey = effect.wantsSurvey ? openSurvey(conversation) : undefined;
        return {
          ...effect,
          tell() {
            if (effect.isChanged) tellIfHeard(conversation);
            // Meanwhile the survey may have been closed.
            if (survey && !survey.closed && webhook.isSet)
              void ask(conversation, { text: options.survey ?? '' }, survey.id);
          },
        };
      },
    },
  };
}

export const takesSequence = (event: ConversationEvent): boolean => event.type !== 'ChatStateEvent';
