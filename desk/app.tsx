import { useCallback, useEffect, useReducer, useRef, useState } from 'preact/hooks';
import { type Outcome, post } from './api.js';
import { Conversations } from './conversations.js';
import { Deliveries } from './deliveries.js';
import { Faults } from './faults.js';
import { followUpdates } from './feed.js';
import { Messages } from './messages.js';
import { ReplyBox } from './reply-box.js';
import { Requests } from './requests.js';
import { EMPTY, takeMessage } from './state.js';
import { duration } from './time.js';
import { Tokens } from './tokens.js';

/** Does what a button says. @returns whether it was done */
export type Act = (path: string, body: object, done: (answer: Record<string, unknown>) => string) => Promise<boolean>;

export function App() {
  const [{ isOnline, facts, clockOffsetMs, lists }, take] = useReducer(takeMessage, EMPTY);
  const [status, setStatus] = useState('');
  const [wished, choose] = useState<string>();
  useEffect(() => followUpdates(take), []);
  useRestartNotice(facts?.epoch, setStatus);

  const act: Act = useCallback(async (path, body, done) => {
    const outcome: Outcome = await post(path, body);
    setStatus(outcome.isDone ? done(outcome.answer) : outcome.why);
    return outcome.isDone;
  }, []);

  const conversations = [...lists.conversations.values()].reverse();
  const chosen = conversations.find(({ conversationId }) => conversationId === wished) ?? conversations[0];
  // The first conversation stays chosen when others begin.
  useEffect(() => {
    if (chosen && chosen.conversationId !== wished) choose(chosen.conversationId);
  }, [chosen?.conversationId, wished]);

  return (
    <>
      <header>
        <h1>LivePerson emulator</h1>
        {facts && facts.aheadMs >= 1_000 && <p>The clock is {duration(facts.aheadMs)} ahead.</p>}
        {facts && !facts.hasWebhook && (
          <p class="warning">No webhook is set, so replies reach nobody. Start the emulator with --webhook URL.</p>
        )}
        <p role="status">
          {status} {!isOnline && <strong class="warning">The emulator does not answer: connection lost.</strong>}
        </p>
      </header>
      <main>
        <Conversations conversations={conversations} chosen={chosen} onChoose={choose} />
        <section class="conversation" aria-labelledby="messages-heading">
          <h2 id="messages-heading">Messages</h2>
          {chosen && chosen.skillId !== '-1' && <p class="hint">Skill {chosen.skillId}</p>}
          <Messages messages={lists.messages} chosen={chosen} />
          <ReplyBox chosen={chosen} act={act} onRefuse={setStatus} />
        </section>
        <div class="inspector">
          <Requests requests={lists.requests} epoch={facts?.epoch ?? ''} />
          <Tokens tokens={lists.tokens} clockOffsetMs={clockOffsetMs} act={act} />
          <Faults waiting={facts?.faults ?? []} act={act} />
          <Deliveries deliveries={lists.deliveries} epoch={facts?.epoch ?? ''} act={act} />
        </div>
      </main>
    </>
  );
}

function useRestartNotice(epoch: string | undefined, say: (sentence: string) => void): void {
  const last = useRef(epoch);
  useEffect(() => {
    if (last.current !== undefined && epoch !== last.current) {
      say('The emulator was restarted: its conversations, tokens and requests are new.');
    }
    last.current = epoch;
  }, [epoch]);
}
