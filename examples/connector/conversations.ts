import type { Memory } from './memory.js';
import { createOnce } from './once.js';
import type { Standing } from './webhook.js';

/** Where the next message of a customer goes. */
export interface Conversations {
  /** The dialog that takes the customer's next message. `open` opens a conversation if there is none. */
  dialogOf(customer: string, open: () => Promise<string>): Promise<string>;
  customerOf(conversationId: string): string | undefined;
  /** Follows a change of a conversation: a survey opens another dialog, and the end forgets the conversation. */
  follow(standing: Standing): void;
  /** The open conversation of a customer, by LivePerson's own id. Events of the webhook have told it. */
  findByConsumer(lpConsumerId: string): string | undefined;
}

export function createConversations(memory: Memory): Conversations {
  const opened = createOnce<string>(memory, 'conversation of ', Number.POSITIVE_INFINITY);
  const read = (name: string) => memory.get(name) as string | undefined;

  return {
    async dialogOf(customer, open) {
      const conversationId = await opened(customer, open);
      memory.set(`customer of ${conversationId}`, customer);
      return read(`dialog of ${conversationId}`) ?? conversationId;
    },
    customerOf: (conversationId) => read(`customer of ${conversationId}`),
    follow({ conversationId, openDialog, lpConsumerId }) {
      if (openDialog !== undefined) {
        memory.set(`dialog of ${conversationId}`, openDialog);
        if (lpConsumerId !== undefined) memory.set(`open with ${lpConsumerId}`, conversationId);
        return;
      }
      const customer = read(`customer of ${conversationId}`);
      // A late event of an old conversation must not forget the new one.
      if (customer !== undefined && read(`conversation of ${customer}`) === conversationId) opened.forget(customer);
      if (read(`open with ${lpConsumerId}`) === conversationId) memory.delete(`open with ${lpConsumerId}`);
      memory.delete(`customer of ${conversationId}`);
      memory.delete(`dialog of ${conversationId}`);
    },
    findByConsumer: (lpConsumerId) => read(`open with ${lpConsumerId}`),
  };
}
