/** A service of the emulator; `unknown` is for any other path. */
export type ServiceName = 'domain' | 'sentinel' | 'idp' | 'conversation' | 'send' | 'unknown';

/** A request that has arrived. */
export interface LoggedRequest {
  /** Whom it was for, by its path. */
  service: ServiceName;
  /** In capitals. */
  method: string;
  /** With the query. */
  path: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As text. */
  body: string;
  /** HTTP status of the answer; 0 while there is none, and for a connection that was reset. */
  status: number;
  /** Of the Send API's errors, such as 40102. */
  errorCode: number | undefined;
  /** Epoch milliseconds. */
  time: number;
}

/** Which service a path belongs to, right or wrong as the rest of the request may be. */
export function serviceOf(pathname: string): ServiceName {
  if (/^\/api\/account\/[^/]+\/service(\/|$)/.test(pathname)) return 'domain';
  if (pathname.startsWith('/sentinel/')) return 'sentinel';
  if (/^\/api\/account\/[^/]+\/consumer$/.test(pathname)) return 'idp';
  if (/\/messaging\/consumer\/conversation$/.test(pathname)) return 'conversation';
  if (/\/messaging\/consumer\/conversation\/send$/.test(pathname)) return 'send';
  return 'unknown';
}
