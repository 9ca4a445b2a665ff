import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSelfSignedCertificate } from '../../lib/emulator/index.js';
import { ACCOUNT, closeEmulators, start } from './client.js';

afterEach(closeEmulators);

const NAMES = ['localhost', 'emulator.test', '127.0.0.1', '::1', '2001:db8::7:0:1', '::ffff:10.0.0.1'];

it('is a certificate for the names it was made for, that signs itself', () => {
  const { cert, key } = createSelfSignedCertificate(NAMES);
  const certificate = new X509Certificate(cert);
  for (const name of NAMES.slice(0, 2)) expect(certificate.checkHost(name)).toBe(name);
  for (const address of NAMES.slice(2)) expect(certificate.checkIP(address)).toBe(address);
  expect(certificate.checkHost('elsewhere.test')).toBeUndefined();
  expect(certificate.ca).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now() - 3_600_000);
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now() + 300 * 86_400_000);
  expect(createSelfSignedCertificate().cert).not.toBe(createSelfSignedCertificate().cert);
});

it('for *.liveperson.net covers the regional hosts', () => {
  const certificate = new X509Certificate(createSelfSignedCertificate(['localhost', '*.liveperson.net']).cert);
  for (const region of ['va', 'lo', 'sy']) {
    for (const service of ['sentinel', 'idp', 'msg', 'swift']) {
      const host = `${region}.${service}.liveperson.net`;
      expect([host, certificate.checkHost(host)]).toEqual([host, `*.${service}.liveperson.net`]);
    }
  }
  expect(certificate.checkHost('api.liveperson.net')).toBe('*.liveperson.net');
  expect(certificate.checkHost('va.evil.example')).toBeUndefined();
});

it('passes OpenSSL’s strict checks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  try {
    const file = join(folder, 'cert.pem');
    writeFileSync(file, createSelfSignedCertificate(NAMES).cert);
    const verified = execFileSync('openssl', [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      file,
      file,
    ]);
    expect(verified.toString()).toContain('OK');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it.each([[[]], [['']], [['http://host']], [['fe80::1%eth0']], [['a b']]])('is for names alone: %j', (names) => {
  expect(() => createSelfSignedCertificate(names)).toThrow(/host names or IP addresses/);
});

describe('an emulator with it', () => {
  const get = (url: string, ca?: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request(url, { agent: false, ...(ca && { ca }) }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  it('speaks https to who trusts it, under each of its names', async () => {
    const tls = createSelfSignedCertificate();
    const cloud = await start({ tls });
    expect(cloud.origin).toMatch(/^https:/);
    for (const host of ['127.0.0.1', 'localhost']) {
      const url = `${cloud.origin.replace('127.0.0.1', host)}/sentinel/well-known/jwks`;
      expect(await get(url, tls.cert)).toBe(200);
      await expect(get(url)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    }
  });

  it('speaks plain http at the same port, but for the Domain API alone', async () => {
    const cloud = await start({ tls: createSelfSignedCertificate() });
    const plain = `http://${cloud.host}`;
    const list = await fetch(`${plain}/api/account/${ACCOUNT}/service/baseURI.json?version=1.0`);
    expect([list.status, (await list.text()).includes(`"baseURI":"${cloud.host}"`)]).toEqual([200, true]);
    const refused = await fetch(`${plain}/sentinel/api/account/${ACCOUNT}/app/token?v=1.0`, { method: 'POST' });
    expect([refused.status, await refused.text()]).toEqual([426, expect.stringContaining('https only')]);
  });

  it('is closed though somebody connected and said nothing', async () => {
    const cloud = await start({ tls: createSelfSignedCertificate() });
    const { connect } = await import('node:net');
    const [hostname = '', port] = cloud.host.split(':');
    const socket = connect(Number(port), hostname);
    await new Promise((resolve) => socket.once('connect', resolve));
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await cloud.close();
    await ended;
  });
});
