import { type Conversation, closeAll, closeDialog, type Dialog, isOpen, mainDialogOf, short } from './conversations.js';
import { isRecord } from './reply.js';
import { show } from './strictness.js';

/** What the fields of a `cm.UpdateConversationField` did to a conversation. */
export interface FieldEffect {
  /** The webhook is told. */
  readonly isChanged: boolean;
  /** A field asked to close the conversation or a dialog. */
  readonly isClose: boolean;
  /** The main dialog was closed in the way that a survey follows. */
  readonly wantsSurvey: boolean;
  /** What a real server might refuse. */
  readonly warnings: readonly string[];
}

/** Applies the consumer's fields in turn. The schema has a list, every sample one object. */
export function applyFields(conversation: Conversation, given: unknown, hasSurvey: boolean, now: number): FieldEffect {
  const effect = { isChanged: false, isClose: false, wantsSurvey: false, warnings: [] as string[] };
  for (const field of Array.isArray(given) ? given : [given])
    applyField({ conversation, hasSurvey, now, effect }, field);
  return effect;
}

interface Update {
  readonly conversation: Conversation;
  readonly hasSurvey: boolean;
  readonly now: number;
  /** What the fields have done so far. */
  readonly effect: { -readonly [Name in keyof Omit<FieldEffect, 'warnings'>]: boolean } & { warnings: string[] };
}

function applyField(update: Update, given: unknown): void {
  const { conversation, now, effect } = update;
  const field = isRecord(given) ? given : {};
  const wasOpen = isOpen(conversation);
  switch (field.field) {
    case 'ConversationStateField':
    case 'Stage':
      if (field.conversationState !== 'CLOSE') {
        effect.warnings.push(`${field.field} has no conversationState "CLOSE". A real server might refuse it.`);
        return;
      }
      effect.isClose = true;
      closeAll(conversation, 'CONSUMER', 'Closed by consumer', now);
      effect.isChanged ||= wasOpen;
      return;
    case 'DialogChange':
      changeDialog(update, field.dialog);
      return;
    case 'CSATRate': {
      const { csatRate, csatResolutionConfirmation, status } = field;
      conversation.csat = {
        csatRate: plain(csatRate),
        csatResolutionConfirmation: plain(csatResolutionConfirmation),
        status: plain(status),
      };
      break;
    }
    case 'Skill':
      conversation.skillId = short(String(field.skill ?? field.skillId ?? conversation.skillId));
      break;
    case 'TTRField': {
      const { ttr } = conversation;
      const { ttrType = ttr.ttrType, value = ttr.value } = field;
      conversation.ttr = { ttrType: short(String(ttrType)), value: Number(value) };
      break;
    }
    default:
      effect.warnings.push(
        `The conversation field ${show(field.field)} is not documented. A real server might refuse it.`,
      );
      return;
  }
  conversation.changedAt = now;
  effect.isChanged = true;
}

function changeDialog({ conversation, hasSurvey, now, effect }: Update, given: unknown): void {
  const { dialogId, state, closedCause = 'Closed by consumer' } = isRecord(given) ? given : {};
  const dialog = conversation.dialogs.find(({ id }) => id === dialogId);
  if (!dialog || state !== 'CLOSE') {
    effect.warnings.push(
      dialog
        ? 'DialogChange has no state "CLOSE". A real server might refuse it.'
        : `DialogChange names no dialog of the conversation: ${show(dialogId)}. A real server might refuse it.`,
    );
    return;
  }
  effect.isClose = true;
  if (dialog.closed) return;
  effect.isChanged = true;
  effect.wantsSurvey ||= closesForSurvey(conversation, dialog, hasSurvey);
  closeDialog(conversation, dialog, 'CONSUMER', short(String(closedCause)), now);
}

/** A value that is short, and no structure. */
const plain = (value: unknown): unknown =>
  typeof value === 'string' ? short(value) : typeof value === 'object' ? null : value;

const closesForSurvey = (conversation: Conversation, dialog: Dialog, hasSurvey: boolean): boolean =>
  hasSurvey && dialog === mainDialogOf(conversation);
