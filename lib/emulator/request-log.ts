/** A service of the emulator; `unknown` is for any other path. */
export type ServiceName = 'domain' | 'sentinel' | 'idp' | 'conversation' | 'send' | 'swift' | 'unknown';

/** A request that has arrived. */
export interface LoggedRequest {
  /** The service that it was for, by its path. */
  service: ServiceName;
  /** In capitals. */
  method: string;
  /** With the query. */
  path: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As text. Of a file, only its size. */
  body: string;
  /** HTTP status of the answer; 0 while there is none, and for a connection that was reset. */
  status: number;
  /** Of the Send API's errors, such as 40102. */
  errorCode: number | undefined;
  /** Why the input was refused, or what was accepted and a real server might refuse, a sentence each. */
  warnings: readonly string[];
  /** Epoch milliseconds, by the emulator's clock. */
  time: number;
}

/** Which service a path belongs to, however wrong the rest of the request is. */
export function serviceOf(pathname: string): ServiceName {
  if (/^\/api\/account\/[^/]+\/service(\/|$)/.test(pathname)) return 'domain';
  if (pathname.startsWith('/sentinel/')) return 'sentinel';
  if (/^\/api\/account\/[^/]+\/consumer$/.test(pathname)) return 'idp';
  if (/\/messaging\/consumer\/conversation$/.test(pathname)) return 'conversation';
  if (/\/messaging\/consumer\/conversation\/send$/.test(pathname)) return 'send';
  if (/^\/v1\/AUTH_async-images\//.test(pathname)) return 'swift';
  return 'unknown';
}
