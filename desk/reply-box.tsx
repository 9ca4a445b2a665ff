import { useState } from 'preact/hooks';
import type { ConversationRow } from '../lib/emulator/desk/rows.js';
import type { Act } from './app.js';

interface Props {
  chosen: ConversationRow | undefined;
  act: Act;
  onRefuse(why: string): void;
}

export function ReplyBox({ chosen, act, onRefuse }: Props) {
  // Each conversation has a draft of its own, so that nothing is sent to another consumer.
  const [drafts, setDrafts] = useState<Readonly<Record<string, string>>>({});
  const [skill, setSkill] = useState('');
  const id = chosen?.conversationId ?? '';
  const draft = drafts[id] ?? '';
  const setDraft = (text: string) => setDrafts((all) => ({ ...all, [id]: text }));

  async function inConversation(path: string, more: object, done: (who: string) => string): Promise<boolean> {
    if (!chosen) {
      onRefuse('There is no conversation yet. Let your connector open one.');
      return false;
    }
    return act(`desk/${path}`, { conversationId: id, ...more }, ({ reachesWebhook }) =>
      reachesWebhook
        ? done(chosen.consumerId)
        : `${done(chosen.consumerId)} It reaches nobody, as there is no webhook.`,
    );
  }

  async function say() {
    if (draft.trim() === '') return onRefuse('Write a reply first.');
    setDraft('');
    const isSaid = await inConversation('say', { text: draft }, (who) => `The reply to ${who} was sent.`);
    // Nothing that was written is lost. What was written since stays too.
    if (!isSaid) setDrafts((all) => ({ ...all, [id]: [draft, all[id]].filter(Boolean).join('\n') }));
  }

  const close = () => inConversation('close-conversation', {}, (who) => `The conversation with ${who} was closed.`);
  const survey = () => inConversation('start-survey', {}, (who) => `The survey of ${who} was started.`);
  const transfer = () => {
    const skillId = skill.trim();
    return inConversation('transfer', skillId ? { skillId } : {}, (who) =>
      skillId ? `${who} was given to another agent of skill ${skillId}.` : `${who} was given to another agent.`,
    );
  };

  return (
    <form
      class="reply"
      onSubmit={(event) => {
        event.preventDefault();
        void say();
      }}
    >
      <label for="reply">Reply as agent</label>
      <textarea
        id="reply"
        rows={2}
        value={draft}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          void say();
        }}
      />
      <div class="buttons">
        <button type="submit" class="main">
          Send
        </button>
        <button type="button" onClick={close}>
          Close conversation
        </button>
        <button type="button" onClick={survey}>
          Start survey
        </button>
        <span class="pair">
          <button type="button" onClick={transfer}>
            Transfer
          </button>
          <label>
            to skill{' '}
            <input
              size={6}
              inputMode="numeric"
              placeholder="any"
              value={skill}
              onInput={({ currentTarget }) => setSkill(currentTarget.value)}
            />
          </label>
        </span>
      </div>
    </form>
  );
}
