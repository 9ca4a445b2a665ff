/** The two endpoints of the Send API. */
export type EndpointName = 'conversation' | 'send';

export interface Endpoint {
  readonly name: EndpointName;
  readonly accountId: string;
}

const PATH = /^\/api\/account\/([^/]+)\/messaging\/consumer\/conversation(\/send)?$/;

/** Which endpoint of which account a normalised path is; `undefined` for any other path. */
export function matchEndpoint(pathname: string): Endpoint | undefined {
  const match = PATH.exec(pathname);
  return match?.[1] === undefined ? undefined : { name: match[2] ? 'send' : 'conversation', accountId: match[1] };
}
