import type { AxiosError, AxiosInstance, InternalAxiosRequestConfig } from 'axios';

/** Where the pair has its tokens from. */
export interface Tokens {
  appJwt(): Promise<string>;
  consumerJws(consumer: string): Promise<string>;
  /** Forgets the one that was refused. */
  drop(errorCode: number): void;
}

type SendApiAnswer = { body?: { errorCode?: number } };

export function attach(http: AxiosInstance, tokens: Tokens): void {
  http.interceptors.request.use(async (config) => {
    config.headers.Authorization = await tokens.appJwt();
    config.headers['X-LP-On-Behalf'] = await tokens.consumerJws(config.onBehalfOf ?? '');
    return config;
  });

  http.interceptors.response.use(undefined, async (error: AxiosError<SendApiAnswer>) => {
    const config = error.config as InternalAxiosRequestConfig & { isReplay?: boolean };
    const code = error.response?.data?.body?.errorCode;
    if ((code !== 40102 && code !== 40103) || config.isReplay) throw error;
    tokens.drop(code);
    config.isReplay = true;
    return http.request(config);
  });
}
