import { get } from 'node:http';
import type { FileEvent } from '../../lib/emulator/index.js';
import { until } from '../support/cloud.js';
import { ACCOUNT, closeAll, start } from './client.js';
import { consumerOf, startPair } from './connector.js';

afterEach(closeAll);

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff, 0xfe]);

interface Signed {
  relativePath: string;
  queryParams: Record<string, string>;
}

async function startStore() {
  const { cloud, posted } = await startPair();
  const consumer = await consumerOf(cloud);
  const urlOf = ({ relativePath, queryParams }: Signed) =>
    `${cloud.origin}${relativePath}?${new URLSearchParams(queryParams)}`;
  return {
    cloud,
    posted,
    consumer,
    urlOf,
    uploadUrl: async (body: object = { fileSize: '2048', fileType: 'PNG' }): Promise<Signed> =>
      (await consumer.send('ms.GenerateURLForUploadFile', body)).body.body,
    downloadUrl: async (relativePath: string): Promise<Signed> =>
      (await consumer.send('ms.GenerateURLForDownloadFile', { relativePath })).body.body,
    put: (signed: Signed, body: Buffer = PNG) => fetch(urlOf(signed), { method: 'PUT', body: new Uint8Array(body) }),
    fetch: (signed: Signed) => fetch(urlOf(signed)),
  };
}

it('a consumer’s file: URL, PUT, message, URL of the same path, GET', async () => {
  const { cloud, posted, consumer, uploadUrl, downloadUrl, put, ...store } = await startStore();
  const id = await consumer.converse();
  const signed = await uploadUrl();
  expect(signed).toEqual({
    relativePath: expect.stringMatching(new RegExp(`^/v1/AUTH_async-images/${ACCOUNT}/.+\\.PNG$`)),
    queryParams: {
      temp_url_sig: expect.stringMatching(/^[\da-f]{40}$/),
      temp_url_expires: expect.stringMatching(/^\d{10}$/),
    },
  });
  expect((await put(signed)).status).toBe(201);
  const { relativePath } = signed;
  const event: FileEvent = {
    type: 'ContentEvent',
    contentType: 'hosted/file',
    message: { relativePath, fileType: 'PNG', caption: 'A screenshot', preview: 'data:image/png;base64,' },
  };
  expect((await consumer.say(id, event)).body.body).toEqual({ sequence: 0 });
  await until(() => posted.length === 2);
  expect(posted[1]?.change.event).toEqual(event);
  const download = await downloadUrl(relativePath);
  expect(download.relativePath).toBe(relativePath);
  const got = await store.fetch(download);
  expect([got.status, got.headers.get('content-type')]).toEqual([200, 'image/png']);
  expect(Buffer.from(await got.arrayBuffer())).toEqual(PNG);
  expect(cloud.requests.filter(({ service }) => service === 'swift').map(({ body }) => body)).toEqual([
    '[11 bytes]',
    '[0 bytes]',
  ]);
});

it('an agent’s file is fetched in the same way', async () => {
  const { cloud, posted, consumer, downloadUrl, ...store } = await startStore();
  const id = await consumer.converse();
  const relativePath = cloud.storeFile(PNG, 'png');
  const message = { relativePath, fileType: 'PNG' };
  await cloud.agentSends(id, { type: 'ContentEvent', contentType: 'hosted/file', message });
  const told = posted.at(-1)?.change.event.message.relativePath;
  expect(Buffer.from(await (await store.fetch(await downloadUrl(told))).arrayBuffer())).toEqual(PNG);
  for (const [bytes, type] of [
    [Buffer.alloc(0), 'PNG'],
    [PNG, 'EXE'],
    ['text', 'PNG'],
  ] as const) {
    expect(() => cloud.storeFile(bytes as never, type)).toThrow(TypeError);
  }
});

it('a URL is good for a minute, one method and one path', async () => {
  const { cloud, uploadUrl, downloadUrl, put, ...store } = await startStore();
  const signed = await uploadUrl();
  const other = await uploadUrl();
  const wrong = [
    { ...signed, relativePath: other.relativePath },
    { ...signed, queryParams: { ...signed.queryParams, temp_url_sig: 'a'.repeat(40) } },
    { ...signed, queryParams: { ...signed.queryParams, temp_url_sig: '' } },
    { ...signed, queryParams: { ...signed.queryParams, temp_url_expires: '9999999999' } },
    { ...signed, queryParams: {} },
    await downloadUrl(signed.relativePath),
  ];
  for (const each of wrong) {
    const refused = await put(each);
    expect([refused.status, await refused.text()]).toEqual([401, expect.stringContaining('Temp URL invalid')]);
  }
  expect((await store.fetch(signed)).status).toBe(401);
  expect((await put(signed)).status).toBe(201);
  cloud.advanceClock(60_000);
  expect((await put(signed)).status).toBe(401);
  const late = await downloadUrl(signed.relativePath);
  expect((await store.fetch(late)).status).toBe(200);
  cloud.advanceClock(60_000);
  expect((await store.fetch(late)).status).toBe(401);
});

it('a true URL without a file is 404', async () => {
  const { cloud, uploadUrl, downloadUrl, put, ...store } = await startStore();
  const signed = await uploadUrl();
  expect((await store.fetch(await downloadUrl(signed.relativePath))).status).toBe(404);
  await put(signed);
  const good = await downloadUrl(signed.relativePath);
  expect((await store.fetch(good)).status).toBe(200);
  cloud.reset();
  expect((await store.fetch(good)).status).toBe(404);
});

it.each([
  [{ fileSize: '0', fileType: 'PNG' }],
  [{ fileSize: '3145729', fileType: 'PNG' }],
  [{ fileSize: 'big', fileType: 'PNG' }],
  [{ fileType: 'PNG' }],
  [{ fileSize: '1', fileType: 'EXE' }],
  [{ fileSize: '1', fileType: 'constructor' }],
  [{ fileSize: '1' }],
])('no URL for %j: 400', async (body) => {
  const { consumer } = await startStore();
  const { status, body: answer } = await consumer.send('ms.GenerateURLForUploadFile', body);
  expect([status, answer.body.errorCode]).toEqual([400, 40001]);
});

it.each(['JPG', 'JPEG', 'PNG', 'GIF'])('%s up to 3 MB is right; a longer file is 413', async (fileType) => {
  const { uploadUrl, put } = await startStore();
  const signed = await uploadUrl({ fileSize: String(3 * 2 ** 20), fileType });
  expect((await put(signed, Buffer.alloc(3 * 2 ** 20 + 1))).status).toBe(413);
  expect((await put(signed, Buffer.alloc(3 * 2 ** 20))).status).toBe(201);
});

it.each([undefined, 7, '', 'x.PNG', '//evil/x', '//['])('no download URL for the path %p', async (relativePath) => {
  const { consumer } = await startStore();
  expect((await consumer.send('ms.GenerateURLForDownloadFile', { relativePath })).status).toBe(400);
});

it('a stranger’s path is 401 too, and other methods are 404', async () => {
  const cloud = await start();
  const path = `${cloud.origin}/v1/AUTH_async-images/${ACCOUNT}/x.PNG`;
  const status = await new Promise((resolve) => get(path, (response) => resolve(response.resume().statusCode)));
  expect(status).toBe(401);
  expect((await fetch(path, { method: 'DELETE' })).status).toBe(404);
});
