/** Hides tokens and secrets in what the page shows. */
export interface Mask {
  /** The value of a token, by its last four characters, so that two can be told apart. */
  token(value: string | string[] | undefined): string | undefined;
  /** What somebody says in a conversation: only tokens and the known secrets are hidden. */
  said(text: string): string;
  /**
   * A path or a body: also what a name such as `client_secret` announces. Text that has a secret in another encoding is shown
   * decoded.
   */
  text(text: string): string;
  header(name: string, value: string): string;
}

const HIDDEN = '…';

/** A shorter token would be shown by half. */
const SHORTEST_TOKEN = 40;

/** Such a secret may be a part of ordinary words, so it is hidden only where a name announces it. */
const isOrdinary = (secret: string): boolean => secret.length < 6 || 'client_secret'.includes(secret);

const SECRET_NAME = /(secret|token|password|passwd|assertion|signature|api[-_]?key|temp_url_sig|jws|jwt)$/i;
const SECRET_HEADER = /authorization|behalf|cookie|secret|token|signature|password|api-?key|jw[st]/i;

// The limits keep the time linear for a text that only begins as a token or as a name, again and again.
const JWT = /eyJ[\w-]{5,1000}\.[\w-]*\.?[\w-]*/g;
const JSON_MEMBER = /("(?:[^"\\]|\\.){0,200}?"\s{0,20}:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)/g;

/** @param secrets the client secrets of the accounts */
export function createMask(secrets: readonly string[], onBehalfHeader: string): Mask {
  const distinct = secrets.filter((secret) => !isOrdinary(secret)).sort((a, b) => b.length - a.length);
  // Form encoding has a plus for a space. A secret may itself look encoded.
  const known = [...new Set(distinct.flatMap((secret) => [secret, secret.replaceAll(' ', '+'), decode(secret)]))];

  const maskValues = (text: string): string =>
    known.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text.replace(JWT, endOf));

  /** Names come after values, because a value may look like several pairs. */
  const maskNamed = (text: string): string => maskMembers(maskPairs(maskValues(text)));

  function maskEncoded(text: string): string {
    const shown = maskNamed(text);
    const decoded = decode(shown);
    const shownDecoded = maskNamed(decoded);
    return shownDecoded === decoded ? shown : shownDecoded;
  }

  return {
    token: (value) => (value === undefined ? undefined : endOf(String(value))),
    said: maskValues,
    text: maskEncoded,
    header: (name, value) =>
      SECRET_HEADER.test(name) || name.toLowerCase() === onBehalfHeader.toLowerCase()
        ? endOf(value)
        : maskEncoded(value),
  };
}

const endOf = (token: string): string => (token.length < SHORTEST_TOKEN ? HIDDEN : `${HIDDEN}${token.slice(-4)}`);

/** `name=value` in a query or a form. */
function maskPairs(text: string): string {
  return text
    .split(/([?&;])/)
    .map((part) => {
      const at = part.indexOf('=');
      return at >= 0 && SECRET_NAME.test(decode(part.slice(0, at))) ? part.slice(0, at + 1) + HIDDEN : part;
    })
    .join('');
}

/** `"name": value` in JSON. */
function maskMembers(text: string): string {
  return text.replace(JSON_MEMBER, (whole, name: string, value: string) => {
    if (!SECRET_NAME.test(decode(name).replace(/"\s*:\s*$/, ''))) return whole;
    return `${name}${value.startsWith('"') ? `"${HIDDEN}"` : HIDDEN}`;
  });
}

/** Enough for every encoding of an encoding that a client makes by mistake. */
const MOST_ENCODINGS = 5;

/** Percent-encoding and the escapes of JSON undone, as often as they were applied. */
function decode(text: string): string {
  let current = text;
  for (let count = 0; count < MOST_ENCODINGS && /[%\\]/.test(current); count += 1) {
    current = current
      .replace(/(?:%[\da-f]{2})+/gi, decodePercent)
      .replace(/\\u([\da-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/\\(["/\\])/g, '$1');
  }
  return current;
}

function decodePercent(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return Buffer.from(encoded.replaceAll('%', ''), 'hex').toString('latin1');
  }
}
