import { render } from 'preact';
import { App } from './app.js';
import { shareUpdates } from './feed.js';

// One file serves the page and the worker that its tabs share.
if (typeof document === 'undefined') shareUpdates(globalThis as unknown as Parameters<typeof shareUpdates>[0]);
else render(<App />, document.getElementById('desk') as HTMLElement);
