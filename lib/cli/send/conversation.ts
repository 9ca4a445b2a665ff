import { randomUUID } from 'node:crypto';
import type { AxiosInstance, AxiosRequestConfig } from 'axios';
import { CommandError } from '../command-line.js';

/** The Send API's answer to a message. */
export interface Answer {
  readonly status: number;
  /** LivePerson's word, such as `OK`. */
  readonly code: string | undefined;
  /** The place of the message in the conversation. */
  readonly sequence: number | undefined;
}

export interface ConversationClient {
  /** @returns the id of the new conversation */
  open(): Promise<string>;
  send(conversationId: string, text: string): Promise<Answer>;
}

/** Speaks the Send API for one consumer. `http` adds the tokens. */
export function createConversationClient(
  http: AxiosInstance,
  accountId: string,
  config: AxiosRequestConfig,
): ConversationClient {
  const path = `/api/account/${encodeURIComponent(accountId)}/messaging/consumer/conversation`;

  return {
    async open() {
      const items = [
        { kind: 'req', id: '1', type: 'userprofile.SetUserProfile', body: {} },
        { kind: 'req', id: '2', type: 'cm.ConsumerRequestConversation', body: { brandId: accountId } },
      ];
      const { data } = await http.post(`${path}?v=3`, items, config);
      const answers = (Array.isArray(data) ? data : []) as { code?: unknown; body?: { conversationId?: unknown } }[];
      const conversationId = answers.map((answer) => answer?.body?.conversationId).find(isText);
      if (conversationId !== undefined) return conversationId;
      const refusal = answers.map((answer) => wordOf(answer?.code)).find((code) => code !== undefined && code !== 'OK');
      throw new CommandError(
        refusal
          ? `LivePerson opened no conversation (${refusal}). The consumer may already have an open one: give its id with --conversation ID.`
          : 'The answer to CONVERSATION names no conversation, so it is not the Send API that answered. Check the Domain API.',
      );
    },
    async send(dialogId, message) {
      const event = { type: 'ContentEvent', contentType: 'text/plain', message };
      const item = { kind: 'req', id: randomUUID(), type: 'ms.PublishEvent', body: { dialogId, event } };
      const { status, data } = await http.post(`${path}/send?v=3`, item, config);
      if (typeof data !== 'object' || data === null) {
        throw new CommandError(
          `The answer to SEND (${status}) is not JSON, so it is not the Send API that answered. Check the Domain API.`,
        );
      }
      const { code, body } = data as { code?: unknown; body?: { sequence?: unknown } };
      const word = wordOf(code);
      if (word !== undefined && word !== 'OK') throw new CommandError(`LivePerson did not take the message (${word}).`);
      return { status, code: word, sequence: typeof body?.sequence === 'number' ? body.sequence : undefined };
    },
  };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** A code such as `OK` or `BAD_REQUEST`. Other text of a server is not printed. */
const wordOf = (code: unknown): string | undefined =>
  typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : undefined;
