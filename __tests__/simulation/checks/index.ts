import type { Cloud } from '../cloud.js';
import type { Check } from '../history.js';
import type { Scenario } from '../scenario.js';
import { checkCalls } from './calls.js';
import { checkCooldowns } from './cooldowns.js';
import { createKnowledge } from './knowledge.js';
import { checkLocks } from './locks.js';
import { checkMessages } from './messages.js';
import { checkPacing } from './pacing.js';
import { checkTokens } from './tokens.js';

/** Every guarantee that a run is judged by. The order matters: calls and tokens are judged before the processes learn. */
export function createChecks(scenario: Scenario, cloud: Cloud): readonly Check[] {
  const knowledge = createKnowledge(scenario);
  return [
    checkMessages(scenario, cloud),
    checkTokens(scenario, knowledge),
    checkCalls(scenario, knowledge),
    checkCooldowns(scenario),
    checkPacing(scenario),
    checkLocks(),
    knowledge,
  ];
}
