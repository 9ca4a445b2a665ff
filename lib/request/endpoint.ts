/** The two endpoints of the Send API. */
export type EndpointName = 'conversation' | 'send';

export interface Endpoint {
  readonly name: EndpointName;
  readonly accountId: string;
}

const PATH = /^\/api\/account\/([^/]+)\/messaging\/consumer\/conversation(\/send)?$/;

/** The endpoint that a normalised path names; `undefined` for any other path. */
export function matchEndpoint(pathname: string): Endpoint | undefined {
  const match = PATH.exec(pathname);
  return match?.[1] === undefined ? undefined : { name: match[2] ? 'send' : 'conversation', accountId: match[1] };
}

const SHAPE = '/api/account/{accountId}/messaging/consumer/conversation[/send]';

/** Mistakes in a Send API path, and their corrections. They are tried in this order. */
const SLIPS: readonly { reason: string; correct(path: string): string }[] = [
  { reason: 'the path has a double slash', correct: (path) => path.replace(/\/{2,}/g, '/') },
  { reason: 'the path ends with a slash', correct: (path) => path.replace(/\/+$/, '') },
  {
    reason: 'the path is case-sensitive',
    correct: (path) =>
      path.replace(/[^/]+/g, (part) =>
        /^(api|account|messaging|consumer|conversations?|send)$/i.test(part) ? part.toLowerCase() : part,
      ),
  },
  {
    reason: 'the endpoint is conversation, not conversations',
    correct: (path) => path.replace(/\/conversations(?=\/send$|$)/, '/conversation'),
  },
  {
    reason: 'the path does not begin with /api/account/{accountId}',
    correct: (path) =>
      path.replace(
        /^(?:\/api)?(?:\/account)?(\/[^/]+)?\/messaging\/consumer\//,
        (_, account = '/account') => `/api/account${account}/messaging/consumer/`,
      ),
  },
  {
    reason: 'there is a prefix before /api. If it is your gateway, list its origin and path in trustedOrigins',
    correct: (path) => path.replace(/^\/.+(?=\/api\/account\/)/, ''),
  },
];

/**
 * Why a path is not a Send API path, although it looks like one. `undefined` for a path that does not look like
 * one.
 */
export function explainNearMiss(path: string): string | undefined {
  const reasons: string[] = [];
  let corrected = path;
  for (const { reason, correct } of SLIPS) {
    const next = correct(corrected);
    if (next !== corrected) reasons.push(reason);
    corrected = next;
  }
  if (reasons.length === 0 || !matchEndpoint(corrected)) return undefined;
  return `${reasons.join('; ')}. The path must be ${SHAPE}.`;
}
