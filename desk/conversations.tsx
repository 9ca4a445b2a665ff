import type { ConversationRow } from '../lib/emulator/desk/rows.js';

interface Props {
  conversations: readonly ConversationRow[];
  chosen: ConversationRow | undefined;
  onChoose(conversationId: string): void;
}

const roleOfList = { role: 'list' as const };

export function Conversations({ conversations, chosen, onChoose }: Props) {
  return (
    <section class="conversations" aria-labelledby="conversations-heading">
      <h2 id="conversations-heading">Conversations</h2>
      {/* Safari forgets that a list without bullets is a list. */}
      <ul {...roleOfList} aria-label="Conversations">
        {conversations.map(({ conversationId, consumerId, isOpen, isInSurvey }) => (
          <li key={conversationId}>
            <button
              type="button"
              aria-current={conversationId === chosen?.conversationId}
              onClick={() => onChoose(conversationId)}
            >
              <span class="name">{consumerId}</span>{' '}
              <span class={isOpen ? 'badge good' : 'badge'}>
                {isOpen ? 'open' : 'closed'}
                {isInSurvey && ', in its survey'}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {conversations.length === 0 && <p class="hint">A conversation appears here when your connector opens it.</p>}
    </section>
  );
}
