import type {} from 'axios';

/** The options that this package adds to a request. */
export interface ConnectorAuthRequestOptions {
  /** The consumer that the request is sent for, by the id that the connector's channel uses. */
  onBehalfOf?: string | undefined;
  /**
   * `false` sends a Send API request untouched.
   * @default true
   */
  connectorAuth?: boolean | undefined;
}

declare module 'axios' {
  // The parameter must be as Axios has it, for the declarations to merge.
  // biome-ignore lint: neither its `any` nor that it goes unused here is ours to choose
  interface AxiosRequestConfig<D = any> extends ConnectorAuthRequestOptions {}
}
