import { styleText } from 'node:util';

const STYLES = ['bold', 'dim', 'green', 'red'] as const;

export type Colors = Readonly<Record<(typeof STYLES)[number], (text: string) => string>>;

/** Colours on a terminal alone. NO_COLOR takes them away, FORCE_COLOR gives them to pipes too. */
export function colorsFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Colors {
  const isColourful = wantsColors(stream, env);
  const paint = (style: (typeof STYLES)[number]) => (text: string) =>
    isColourful ? styleText(style, text, { validateStream: false }) : text;
  return Object.fromEntries(STYLES.map((style) => [style, paint(style)])) as Colors;
}

function wantsColors({ isTTY }: { isTTY?: boolean }, { NO_COLOR, FORCE_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  if (NO_COLOR) return false;
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTTY === true && TERM !== 'dumb';
}

/** What a server or a file said, without what a terminal would obey. */
export const printable = (text: string): string => text.replace(/[^\x20-\x7e\u00a0-\u2027\u202f-\ufffd]/g, '\u00b7');
