import type { Check, LockHappening } from '../history.js';

interface Held {
  readonly by: LockHappening;
  until: number;
}

/** The longest life of a lock that its holder does not extend. */
const LONGEST_LOCK_MS = 5_000;

/** A lock has one holder, and outlives a dead holder only for a short while. */
export function checkLocks(): Check {
  const held = new Map<string, Held>();

  return {
    see(happening, now) {
      if (happening.type !== 'lock') return undefined;
      const { process, operation, key, grant, ttlMs } = happening;
      const holder = held.get(key);
      const isHeld = holder !== undefined && now < holder.until;
      const isOurs = isHeld && holder.by.grant === grant;
      if (operation === 'found free')
        return isHeld ? `${process.name} has released ${key}, which ${holder.by.process.name} holds` : undefined;
      if (operation !== 'release' && ttlMs > LONGEST_LOCK_MS)
        return `${process.name} locks ${key} for ${ttlMs} ms, and at most ${LONGEST_LOCK_MS} ms are allowed`;
      if (operation === 'take') {
        if (isHeld) return `${process.name} takes ${key}, which ${holder.by.process.name} still holds`;
        held.set(key, { by: happening, until: now + ttlMs });
      } else if (isOurs && operation === 'extend') holder.until = now + ttlMs;
      else if (isOurs) held.delete(key);
      return undefined;
    },
  };
}
