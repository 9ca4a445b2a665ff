import { assertFields } from './fields.js';
import { isRecord } from './reply.js';
import {
  AGENT_ROLES,
  type AgentRole,
  AUDIENCES,
  type ConversationEvent,
  type MessageAudience,
  type Metadata,
} from './wire.js';

/** How LivePerson's side says something. */
export interface AgentSendOptions {
  /** @default 'AGENT' in a survey, else 'ASSIGNED_AGENT' */
  role?: AgentRole;
  /** `AGENTS_AND_MANAGERS` for a message that is not for the consumer. @default 'ALL' */
  messageAudience?: MessageAudience;
  /** Beside the event. @default none */
  metadata?: Metadata[];
  /** @default the open survey, else the main dialog */
  dialogId?: string;
}

/** A post-conversation survey. */
export interface SurveyOptions {
  /** The first question, with buttons from 1 to 5. @default no question */
  text?: string;
  /** Of the question. @default one of the type `Question` */
  metadata?: Metadata[];
}

/** Where a conversation goes. At least one is given. */
export interface TransferOptions {
  /** The agent leaves, unless `agentId` names the next one. */
  skillId?: string;
  /** The agent that joins. */
  agentId?: string;
}

export const AGENT_SEND_FIELDS = {
  role: 'text',
  messageAudience: 'text',
  metadata: 'objects',
  dialogId: 'text',
} as const;
export const SURVEY_FIELDS = { text: 'text', metadata: 'objects' } as const;
export const TRANSFER_FIELDS = { skillId: 'text', agentId: 'text' } as const;

/** @throws TypeError unless it is an event, or a list of at least one */
export function readEvents(given: unknown): readonly ConversationEvent[] {
  const events: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (events.length === 0 || !events.every(isEvent)) throw new TypeError('agentSends: event must have a type.');
  return events;
}

const isEvent = (value: unknown): value is ConversationEvent =>
  isRecord(value) && typeof value.type === 'string' && value.type !== '';

/** @throws TypeError naming the option that is wrong */
export function assertHow(how: AgentSendOptions): void {
  assertFields('agentSends', how, AGENT_SEND_FIELDS);
  const { role, messageAudience } = how;
  if (role !== undefined && !AGENT_ROLES.includes(role)) {
    throw new TypeError(`agentSends: role must be one of ${AGENT_ROLES.join(', ')}.`);
  }
  if (messageAudience !== undefined && !AUDIENCES.includes(messageAudience)) {
    throw new TypeError(`agentSends: messageAudience must be one of ${AUDIENCES.join(', ')}.`);
  }
}

/** @throws TypeError naming the option that is wrong */
export function assertSurvey(survey: SurveyOptions): void {
  assertFields('startSurvey', survey, SURVEY_FIELDS);
  if (survey.metadata && survey.text === undefined) {
    throw new TypeError('startSurvey: metadata goes with the question. Give text too.');
  }
}

/** @throws TypeError naming the option that is wrong */
export function assertTransfer(to: TransferOptions): void {
  assertFields('transfer', to, TRANSFER_FIELDS);
  const { skillId, agentId } = to;
  if (skillId === undefined && agentId === undefined) throw new TypeError('transfer: give skillId or agentId.');
  if (skillId !== undefined && !/^(-1|\d{1,10})$/.test(skillId)) {
    throw new TypeError('transfer: skillId must be at most 10 digits, or "-1" for none.');
  }
}
