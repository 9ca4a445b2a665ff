import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { ConversationRow, MessageRow } from '../lib/emulator/desk/rows.js';
import { memo } from './memo.js';
import { clockTime } from './time.js';

interface Props {
  messages: ReadonlyMap<number, MessageRow>;
  chosen: ConversationRow | undefined;
}

/** A reader within so many pixels of the end follows new messages. */
const NEAR_THE_END = 80;

const scrollable = { tabIndex: 0 };

export function Messages({ messages, chosen }: Props) {
  const said = useMemo(
    () => [...messages.values()].filter(({ conversationId }) => conversationId === chosen?.conversationId),
    [messages, chosen?.conversationId],
  );
  const receipts = useMemo(() => readReceipts(said), [said]);
  const log = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useLayoutEffect(() => {
    follows.current = true;
  }, [chosen?.conversationId]);
  useLayoutEffect(() => {
    if (log.current && follows.current) log.current.scrollTop = log.current.scrollHeight;
  }, [said]);

  function noteWhetherAtEnd({
    currentTarget: { scrollTop, scrollHeight, clientHeight },
  }: {
    currentTarget: HTMLElement;
  }) {
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
  }

  return (
    <div role="log" aria-label="Messages" class="log" ref={log} onScroll={noteWhetherAtEnd} {...scrollable}>
      {said.map((message) =>
        message.text === undefined ? null : (
          <Message key={message.id} message={message} receipt={receipts.get(placeOf(message)) ?? ''} />
        ),
      )}
      {chosen?.isOpen && isTyping(said) && <p class="typing">{chosen.consumerId} is typing…</p>}
    </div>
  );
}

const Message = memo(({ message, receipt }: { message: MessageRow; receipt: string }) => {
  const { speaker, time, text, choices = [], isForConsumer } = message;
  return (
    <article class={speaker === 'consumer' ? 'consumer' : 'ours'}>
      <p class="meta">
        <strong>{speaker}</strong> {clockTime(time)}
        {!isForConsumer && ' · not for the consumer'}
        {speaker !== 'consumer' && receipt && ` · ${receipt}`}
      </p>
      <p class="text">{text}</p>
      {choices.length > 0 && (
        <p class="choices">
          {choices.map((choice) => (
            <span key={choice}>{choice}</span>
          ))}
        </p>
      )}
    </article>
  );
});

function isTyping(said: readonly MessageRow[]): boolean {
  const last = said.findLast(
    ({ speaker, chatState, text }) => speaker === 'consumer' && (chatState !== undefined || text !== undefined),
  );
  return last?.chatState === 'COMPOSING';
}

const placeOf = ({ dialogId, sequence }: { dialogId: string; sequence?: number }): string => `${dialogId}/${sequence}`;

/** What the consumer's side has said of each message. */
function readReceipts(said: readonly MessageRow[]): ReadonlyMap<string, string> {
  const receipts = new Map<string, string>();
  for (const { speaker, dialogId, receipt } of said) {
    if (!receipt || speaker !== 'consumer') continue;
    for (const sequence of receipt.sequences) {
      const place = placeOf({ dialogId, sequence });
      if (receipt.status === 'READ') receipts.set(place, 'read');
      else if (receipt.status === 'ACCEPT' && !receipts.has(place)) receipts.set(place, 'received');
    }
  }
  return receipts;
}
