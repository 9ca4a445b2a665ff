import axios, {
  type AxiosAdapter,
  AxiosHeaders,
  type AxiosInstance,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios';

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
      return dispatch(final, resolveAdapter(adapter, final));
    };
    return config;
  };
  const id = instance.interceptors.request.use(wrapAdapter, undefined, { synchronous: true });
  return () => instance.interceptors.request.eject(id);
}

/** The adapter itself, where the config names it by `'http'` or `'fetch'`, or by a list. */
function resolveAdapter(
  adapter: InternalAxiosRequestConfig['adapter'],
  config: InternalAxiosRequestConfig,
): AxiosAdapter {
  if (typeof adapter === 'function') return adapter;
  const resolved = axios.getAdapter(adapter ?? axios.defaults.adapter, config);
  const isOfOurAxios = ![adapter].flat().includes(resolved);
  return isOfOurAxios && !(config.headers instanceof AxiosHeaders) ? translateHeaders(resolved) : resolved;
}

/**
 * The instance may come from another copy of Axios than the one that we import: the ESM and the CommonJS build of it in one
 * process are two. Before 1.9 neither takes the other's headers for headers, and would send none of them.
 */
function translateHeaders(adapter: AxiosAdapter): AxiosAdapter {
  const toPlain = (holder: { headers?: unknown } | undefined) => {
    if (holder?.headers) holder.headers = { ...holder.headers };
  };
  return async (config) => {
    const { headers } = config;
    config.headers = new AxiosHeaders({ ...headers });
    try {
      const response = await adapter(config);
      toPlain(response);
      return response;
    } catch (error) {
      toPlain((error as { response?: AxiosResponse } | null)?.response);
      throw error;
    } finally {
      config.headers = headers;
    }
  };
}
