import type {} from 'axios';

/** What this package adds to the options of a request. */
export interface ConnectorAuthRequestOptions {
  /** The consumer this request speaks for, by the id that the connector's channel has for it. */
  onBehalfOf?: string;
  /** `false` sends the request untouched, even if it is one of ours. */
  connectorAuth?: false;
}

declare module 'axios' {
  // The parameter must be as Axios has it, for the declarations to merge.
  // biome-ignore lint: neither its `any` nor that it goes unused here is ours to choose
  interface AxiosRequestConfig<D = any> extends ConnectorAuthRequestOptions {}
}
