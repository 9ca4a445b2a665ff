import { type Colors, printable } from '../terminal.js';
import type { DoctorSettings } from './command.js';
import { STEPS, type StepResult, TITLES } from './examine.js';

const WIDTH = Math.max(...STEPS.map((name) => TITLES[name].length));

/** A step in one line; where it failed, its cause and fix below. */
export function stepLines({ name, state, durationMs, summary, diagnosis }: StepResult, colors: Colors): string[] {
  const mark = { passed: colors.green('✓'), failed: colors.red('✗'), untried: colors.dim('–') }[state];
  const title = TITLES[name].padEnd(WIDTH);
  if (state === 'untried') return [colors.dim(`– ${title}  ${summary}`)];
  const line = `${mark} ${title}  ${summary} ${colors.dim(`(${durationMs} ms)`)}`;
  if (!diagnosis) return [line];
  const { cause, cure } = diagnosis;
  return [line, ...paragraph(colors.bold('cause'), '  ', cause), ...paragraph(colors.bold('fix'), '    ', cure)];
}

const INDENT = ' '.repeat(WIDTH + 4);
const LINE_LENGTH = 78;

/** A text in lines of a length that one can read, beside its title. */
function paragraph(title: string, gap: string, text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1] ?? '';
    if (last !== '' && last.length + 1 + word.length > LINE_LENGTH) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line, index) => `${INDENT}${index === 0 ? title + gap : ' '.repeat(7)}${line}`);
}

export const isWell = (results: readonly StepResult[]): boolean => results.every(({ state }) => state !== 'failed');

export function headline({ accountId, consumerId, domainApi }: DoctorSettings): string {
  return `account ${accountId}, consumer ${printable(consumerId)}, Domain API ${domainApi}`;
}

export function conclusion(results: readonly StepResult[]): string {
  const broken = results.filter(({ state }) => state === 'failed').map(({ name }) => TITLES[name]);
  if (broken.length > 0) return `Failed: ${broken.join(', ')}.`;
  const isProbed = results.some(({ name, state }) => name === 'send' && state === 'passed');
  return isProbed
    ? 'All steps passed: the Send API accepts both tokens.'
    : 'All steps passed: both tokens were issued. Add --probe to see whether the Send API accepts them.';
}

/** The whole for programs. Neither a token nor the secret is in it. */
export function toJson(settings: DoctorSettings, results: readonly StepResult[]): string {
  const { accountId, consumerId, domainApi } = settings;
  const steps = results.map(({ diagnosis, summary, ...rest }) => ({ ...rest, summary, ...diagnosis }));
  return JSON.stringify({ ok: isWell(results), accountId, consumerId, domainApi, steps }, null, 2);
}
