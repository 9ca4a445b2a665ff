import { setMaxListeners } from 'node:events';

/** An AbortController whose signal many may listen to, without a warning of Node's. */
export function createAbort(): AbortController {
  const controller = new AbortController();
  try {
    setMaxListeners(0, controller.signal);
  } catch {
    // The signals of other environments, such as jsdom's, have no limit, and Node refuses them here.
  }
  return controller;
}
