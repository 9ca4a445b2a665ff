import { isConnectorAuthError } from 'axios-liveperson-auth';
import type { IssuedToken } from './cloud.js';
import type { Call, Happening, Message } from './history.js';
import type { Scenario } from './scenario.js';

/** The first lines of a trace. */
export function describeScenario(seed: number, scenario: Scenario): string[] {
  const { hazards, plan, options, ...others } = scenario;
  const facts = Object.entries(others).map(([name, value]) => `${name}: ${JSON.stringify(value) ?? 'none'}`);
  return [
    `seed ${seed}`,
    `hazards: ${[...hazards].join(', ') || 'none'}`,
    ...facts,
    `options: ${JSON.stringify(options)}`,
    `planned steps: ${plan.length}`,
    '',
  ];
}

/** One line of a trace. */
export function printed(happening: Happening): string {
  switch (happening.type) {
    case 'process':
      return `${happening.process.name} ${happening.what}`;
    case 'scenario':
      return `-- ${happening.what}`;
    case 'invalidated':
      return `${happening.process.name} invalidates ${happening.accountId}`;
    case 'message':
      return `${nameOf(happening.message)} begins`;
    case 'outcome':
      return `${nameOf(happening.message)} ${outcomeOf(happening.message)}`;
    case 'call':
      return `${nameOfCall(happening.call)} ->`;
    case 'arrival':
      return `${nameOfCall(happening.call)} arrives, answer ${describe(happening.answer)}`;
    case 'answer':
      return `${nameOfCall(happening.call)} <- ${describe(happening.answer)}`;
    case 'broken':
      return `${nameOfCall(happening.call)} <- ${happening.code}`;
    case 'event':
      return `${happening.process.name} event ${happening.name} ${withShortKeys(JSON.stringify(happening.told))}`;
    case 'store':
      return `${happening.process.name} store: ${withShortKeys(happening.what)}`;
    case 'lock':
      return `${happening.process.name} store: ${happening.operation} ${withShortKeys(happening.key)} ${happening.ttlMs} ms`;
  }
}

function nameOf({ number, process, accountId, consumerId, isProbe }: Message): string {
  return `${process.name} ${isProbe ? 'probe' : 'message'} ${number} of ${consumerId} at ${accountId}`;
}

function nameOfCall({ number, process, service, accountId, consumerId, message, appJwt, consumerJws }: Call): string {
  const tokens = [appJwt, consumerJws].filter((token) => token !== undefined).map(nameOfToken);
  return [
    `${process.name} call ${number} ${service} ${accountId}`,
    ...(consumerId ? [consumerId] : []),
    ...(message ? [`message ${message.number}`] : []),
    ...(tokens.length > 0 ? [`with ${tokens.join(' and ')}`] : []),
  ].join(' ');
}

export const nameOfToken = ({ kind, number }: IssuedToken): string => `${kind} #${number}`;

function describe({ status, token, errorCode }: { status: number; token?: IssuedToken; errorCode?: number }): string {
  return [status, ...(errorCode ? [errorCode] : []), ...(token ? [nameOfToken(token)] : [])].join(' ');
}

function outcomeOf({ outcome }: Message): string {
  if (!outcome || outcome.isDelivered) return 'is delivered';
  const { error } = outcome;
  const { code, status, retryAt } = error as { code?: string; status?: number; retryAt?: number };
  const kind = isConnectorAuthError(error) ? 'ConnectorAuthError' : (error as Error).constructor?.name;
  return `fails: ${kind} ${code ?? ''} ${status ?? ''} ${retryAt ? `retryAt ${retryAt}` : ''}`;
}

/** Hashes of clients and consumers are long; their beginnings differ too. */
const withShortKeys = (text: string): string => text.replace(/[\da-f]{16,64}/g, (hash) => hash.slice(0, 4));
