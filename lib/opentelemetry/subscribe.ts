import { channelNamed } from '../diagnostics.js';

/** The steps of a tracing channel that the bridge needs. */
export interface Steps<Message> {
  start(message: Message): void;
  asyncEnd(message: Message): void;
}

/** Subscribes to a tracing channel. @returns a function that unsubscribes */
export function subscribeTo<Message>(name: string, { start, asyncEnd }: Steps<Message>): () => void {
  const ends = [
    subscribeToChannel(`tracing:${name}:start`, start),
    subscribeToChannel(`tracing:${name}:asyncEnd`, asyncEnd),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** Subscribes to a channel. @returns a function that unsubscribes */
export function subscribeToChannel<Message>(name: string, listener: (message: Message) => void): () => void {
  const subscriber = (message: unknown) => listener(message as Message);
  const channel = channelNamed(name);
  channel.subscribe(subscriber);
  return () => void channel.unsubscribe(subscriber);
}

/** The scope of the spans and metrics. */
export const SCOPE = 'axios-liveperson-auth';

/** The attribute of the account, if the option `accounts` is set. */
export const accountOf = (isWanted: boolean, accountId: string): { 'liveperson.account'?: string } =>
  isWanted ? { 'liveperson.account': accountId } : {};
