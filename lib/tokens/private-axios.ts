import axios, { Axios, type AxiosAdapter, AxiosError, type AxiosInstance, type AxiosRequestConfig } from 'axios';
import { callAdapter } from '../call-adapter.js';
import { ownOf } from '../own.js';
import type { ResolvedOptions } from '../resolve-options.js';

/** A longer answer is refused. Real answers are far shorter. */
export const LONGEST_ANSWER_BYTES = 64 * 1024;

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** Makes one attempt, within `tokenTimeoutMs`. The adapter gets a config that inherits nothing. */
export function createSend({ axiosConfig, tokenTimeoutMs }: ResolvedOptions): AxiosAdapter {
  const adapter = axios.getAdapter(axiosConfig.adapter ?? 'http');
  return async (config) => {
    try {
      const sent = Object.assign(Object.create(null), config, { timeout: tokenTimeoutMs });
      const response = await callAdapter(adapter, sent);
      // An adapter of the user's may leave this to Axios.
      if (isSuccess(response.status)) return response;
      throw new AxiosError(`status ${response.status}`, undefined, config, response.request, response);
    } catch (error) {
      // axios-retry sends the config of the error again.
      if (axios.isAxiosError(error)) error.config = config;
      throw error;
    }
  };
}

/**
 * An instance without the interceptors and defaults of the static axios, and without changes that other code made to
 * `axios.create()`. It is a function, because axios-retry calls it to send again.
 */
export function createPrivateInstance({ axiosConfig }: ResolvedOptions): AxiosInstance {
  const config = {
    ...axiosConfig,
    headers: { ...axiosConfig.headers },
    maxRedirects: 0,
    maxContentLength: LONGEST_ANSWER_BYTES,
    responseType: 'text',
    validateStatus: isSuccess,
  } as const;
  const instance = new Axios(ownOf(config) as AxiosRequestConfig);
  const { defaults, interceptors } = instance;
  const request = (config: AxiosRequestConfig) => instance.request(config);
  return Object.assign(request, { request, defaults, interceptors }) as unknown as AxiosInstance;
}
