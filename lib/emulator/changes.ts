/** A part of the emulator's state that has changed. */
export type Change = 'request' | 'token' | 'conversation' | 'delivery' | 'fault' | 'clock';

/** Tells pages and other observers inside the emulator that something has changed. They read the state themselves. */
export interface ChangeFeed {
  emit(change: Change): void;
  /** @returns a function that unsubscribes */
  subscribe(listener: (change: Change) => void): () => void;
}

export function createChangeFeed(): ChangeFeed {
  const listeners = new Set<(change: Change) => void>();
  return {
    emit(change) {
      for (const listener of listeners) listener(change);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
