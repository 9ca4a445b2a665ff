import { X509Certificate } from 'node:crypto';
import { closeSync, constants, lstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CommandError } from '../command-line.js';

/** Writes the certificate where clients find it: to the file that was named, which stays, or to a temporary one. */
export function keepCertificate(cert: string, named: string | undefined): { file: string; remove(): void } {
  const file =
    named === undefined ? join(mkdtempSync(join(tmpdir(), 'liveperson-emulator-')), 'cert.pem') : resolve(named);
  try {
    write(file, cert);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(
      `The certificate could not be written to ${file} (${code}): choose another --tls-cert FILE.`,
    );
  }
  return { file, remove: () => void (named ?? rmSync(dirname(file), { recursive: true, force: true })) };
}

/** Writes a new file, or over an older certificate of the emulator, but over nothing else. */
function write(file: string, cert: string): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW } = constants;
  const isNew = lstatSync(file, { throwIfNoEntry: false }) === undefined;
  if (!isNew && !isOwn(file)) {
    throw new CommandError(
      `${file} exists and is not a certificate of the emulator, so it stays as it is: choose another --tls-cert FILE.`,
    );
  }
  // A file or a link that somebody has made since the check is not written to either.
  const descriptor = openSync(file, O_WRONLY | (isNew ? O_CREAT | O_EXCL : O_TRUNC | O_NOFOLLOW));
  try {
    writeFileSync(descriptor, cert);
  } finally {
    closeSync(descriptor);
  }
}

const LONGEST_CERTIFICATE_BYTES = 65_536;

/** A regular file with one certificate, of the emulator's name, and nothing else. */
function isOwn(file: string): boolean {
  const found = lstatSync(file);
  if (!found.isFile() || found.size > LONGEST_CERTIFICATE_BYTES) return false;
  const text = readFileSync(file, 'utf8');
  if (!/^-----BEGIN CERTIFICATE-----[\w\s+/=]+-----END CERTIFICATE-----\s*$/.test(text)) return false;
  try {
    const { subject, issuer } = new X509Certificate(text);
    return subject === 'CN=axios-liveperson-auth emulator' && issuer === subject;
  } catch {
    return false;
  }
}
