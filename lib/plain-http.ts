import { isLoopback } from './origin.js';
import type { ResolvedOptions } from './resolve-options.js';

/** Warns once, through the logger or as a warning of the process, if calls with the secret or tokens leave this machine in clear. */
export function warnOfPlainHttp({ domainApi, domains, logger }: ResolvedOptions): void {
  const origins = [
    ['domainApi', domainApi],
    ...[...domains].map(([service, origin]) => [`domains.${service}`, origin]),
  ];
  const plain = origins.filter(([, origin = '']) => isPlain(new URL(origin))).map(([name]) => name);
  if (plain.length === 0) return;
  const line = `axios-liveperson-auth: http:// in ${plain.join(', ')} sends secrets and tokens in clear. Use https://.`;
  if (!logger) process.emitWarning(line);
  else {
    try {
      Promise.resolve(logger.warn(line)).catch(() => {});
    } catch {}
  }
}

const isPlain = ({ protocol, hostname }: URL): boolean => protocol === 'http:' && !isLoopback(hostname);
