import type {} from 'axios';

/** What this package adds to the options of a request. */
export interface ConnectorAuthRequestOptions {
  /**
   * The consumer of this request, by the id that the connector's channel uses.
   *
   * @default the result of the option `consumerId`, else the consumer of `runOnBehalfOf`
   */
  onBehalfOf?: string | undefined;
  /**
   * `false` sends the request unchanged, also to the Send API.
   *
   * @default true
   */
  connectorAuth?: boolean | undefined;
}

declare module 'axios' {
  // Axios's own declaration has one or two type parameters, depending on its version. All have defaults, so none are needed here.
  interface AxiosRequestConfig extends ConnectorAuthRequestOptions {}
}
