import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { EmulatorClock } from './clock.js';
import { type Incoming, notFound, type Reply } from './reply.js';

/** LivePerson's object store, `swift`, in memory. A signed URL lets a client put or get one file for a minute. */
export interface FileStore {
  /** A path for a new file. */
  createPath(accountId: string, fileType: string): string;
  /** What `ms.GenerateURLForUploadFile` and `ms.GenerateURLForDownloadFile` answer. */
  sign(method: 'PUT' | 'GET', relativePath: string): SignedPath;
  /** Keeps a file without a URL, as an agent's upload does. */
  put(relativePath: string, bytes: Buffer): void;
  answer(incoming: Incoming): Reply;
  clear(): void;
}

export interface SignedPath {
  relativePath: string;
  queryParams: { temp_url_sig: string; temp_url_expires: string };
}

const URL_LIFETIME_S = 60;
export const MAX_FILE_BYTES = 3 * 2 ** 20;
/** All files together. The oldest ones go first. */
const MAX_STORE_BYTES = 64 * 2 ** 20;

/** The media types of the files that LivePerson takes. */
export const FILE_TYPES: Readonly<Record<string, string>> = {
  JPG: 'image/jpeg',
  JPEG: 'image/jpeg',
  PNG: 'image/png',
  GIF: 'image/gif',
};

export function createFileStore(clock: EmulatorClock): FileStore {
  const files = new Map<string, Buffer>();
  const key = randomBytes(20);
  let totalBytes = 0;

  const signatureOf = (method: string, path: string, expires: string) =>
    createHmac('sha1', key).update(`${method}\n${expires}\n${path}`).digest('hex');

  function isSigned(method: string, { pathname, searchParams }: URL): boolean {
    const expires = searchParams.get('temp_url_expires') ?? '';
    const given = Buffer.from(searchParams.get('temp_url_sig') ?? '');
    const expected = Buffer.from(signatureOf(method, pathname, expires));
    const isTrue = given.length === expected.length && timingSafeEqual(given, expected);
    return isTrue && clock.now() < Number(expires) * 1_000;
  }

  function remove(path: string): void {
    totalBytes -= files.get(path)?.length ?? 0;
    files.delete(path);
  }

  function put(path: string, bytes: Buffer): void {
    remove(path);
    files.set(path, bytes);
    totalBytes += bytes.length;
    for (const oldest of files.keys()) {
      if (totalBytes <= MAX_STORE_BYTES) break;
      remove(oldest);
    }
  }

  return {
    createPath: (accountId, fileType) => `/v1/AUTH_async-images/${accountId}/${randomUUID()}.${fileType.toUpperCase()}`,
    sign(method, relativePath) {
      const expires = String(Math.floor(clock.now() / 1_000) + URL_LIFETIME_S);
      // The signature is over the path as it arrives, which the URL parser may write in another way.
      const { pathname } = new URL(relativePath, 'http://swift');
      return {
        relativePath,
        queryParams: { temp_url_sig: signatureOf(method, pathname, expires), temp_url_expires: expires },
      };
    },
    put,
    answer({ method, url, bytes }) {
      if (method !== 'PUT' && method !== 'GET') return notFound;
      if (!isSigned(method, url)) return { status: 401, body: '401 Unauthorized: Temp URL invalid' };
      if (method === 'GET') {
        const file = files.get(url.pathname);
        const type = FILE_TYPES[/[^.]*$/.exec(url.pathname)?.[0].toUpperCase() ?? ''] ?? 'application/octet-stream';
        return file ? { status: 200, headers: { 'content-type': type }, body: file } : notFound;
      }
      if (bytes.length > MAX_FILE_BYTES) {
        return { status: 413, body: { error: `a file has at most ${MAX_FILE_BYTES} bytes; received ${bytes.length}` } };
      }
      put(url.pathname, bytes);
      return { status: 201, body: '' };
    },
    clear() {
      files.clear();
      totalBytes = 0;
    },
  };
}
