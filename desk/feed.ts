import type { Update } from '../lib/emulator/desk/rows.js';
import { EMPTY, type FeedMessage, takeMessage, wholeUpdate } from './state.js';

type Listener = (message: FeedMessage) => void;

const RETRY_MS = 500;
/** The emulator says something every 10 seconds. After a computer has slept, a connection may be dead without an error. */
const LONGEST_SILENCE_MS = 35_000;

/**
 * Follows the emulator. The tabs of a browser share one connection in a worker, because a browser opens only six connections to
 * a server.
 */
export function followUpdates(listener: Listener): void {
  if (typeof SharedWorker === 'undefined') {
    connect(listener);
    return;
  }
  const worker = new SharedWorker('/emulator/desk/desk.js', { name: 'desk' });
  worker.addEventListener('error', () => connect(listener));
  worker.port.onmessage = ({ data }) => listener(data as FeedMessage);
  addEventListener('pagehide', () => worker.port.postMessage('bye'));
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
}

interface SharedWorkerScope {
  onconnect: ((event: MessageEvent) => void) | null;
}

/** The worker's side. */
export function shareUpdates(scope: SharedWorkerScope): void {
  const tabs = new Set<MessagePort>();
  let state = EMPTY;
  connect((message) => {
    state = takeMessage(state, message);
    for (const tab of tabs) tab.postMessage(message);
  });
  scope.onconnect = ({ ports: [tab] }) => {
    if (!tab) return;
    tabs.add(tab);
    tab.onmessage = () => tabs.delete(tab);
    const update = wholeUpdate(state);
    if (update) tab.postMessage({ kind: 'update', update } satisfies FeedMessage);
    if (!state.isOnline) tab.postMessage({ kind: 'lost' } satisfies FeedMessage);
  };
}

function connect(listener: Listener): void {
  const source = new EventSource('/emulator/desk/updates');
  let watchdog = setTimeout(giveUp, LONGEST_SILENCE_MS);
  source.onmessage = ({ data }) => {
    clearTimeout(watchdog);
    watchdog = setTimeout(giveUp, LONGEST_SILENCE_MS);
    listener({ kind: 'update', update: JSON.parse(data) as Update });
  };
  source.onerror = giveUp;

  function giveUp(): void {
    clearTimeout(watchdog);
    source.close();
    listener({ kind: 'lost' });
    setTimeout(() => connect(listener), RETRY_MS);
  }
}
