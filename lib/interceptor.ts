import axios, { type AxiosAdapter, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios';

/** Sends a final config through the adapter that the instance would have used. */
export type Dispatch = (config: InternalAxiosRequestConfig, adapter: AxiosAdapter) => ReturnType<AxiosAdapter>;

/**
 * Puts `dispatch` between an instance and its adapters: a request interceptor wraps the adapter of each request, so that
 * `dispatch` sees the config after every other interceptor and transform, and the raw answer before any.
 *
 * @returns the uninstall; requests under way finish as they began
 */
export function wrapAdapters(instance: AxiosInstance, dispatch: Dispatch): () => void {
  const wrapAdapter = (config: InternalAxiosRequestConfig): InternalAxiosRequestConfig => {
    const { adapter } = config;
    config.adapter = (final) => {
      // From here on the config is as it would be without us: sent again (axios-retry does), it is wrapped once, not twice.
      if (adapter === undefined) delete final.adapter;
      else final.adapter = adapter;
      return dispatch(final, axios.getAdapter(adapter ?? axios.defaults.adapter, final));
    };
    return config;
  };
  const id = instance.interceptors.request.use(wrapAdapter, undefined, { synchronous: true });
  return () => instance.interceptors.request.eject(id);
}
