import createSpinner from 'yocto-spinner';
import type { Given } from '../command-line.js';
import { colorsFor } from '../terminal.js';
import { type doctorCommand, resolveSettings } from './command.js';
import { examine, TITLES } from './examine.js';
import { conclusion, headline, isWell, stepLines, toJson } from './report.js';

/** @returns the exit code */
export async function runDoctor(given: Given<typeof doctorCommand>): Promise<number> {
  const settings = resolveSettings(given, process.env);
  const say = (line: string) => void (settings.json || process.stdout.write(`${line}\n`));
  const colors = colorsFor(process.stdout, process.env);
  const spinner = process.stderr.isTTY && !settings.json ? createSpinner({ stream: process.stderr }) : undefined;

  say(`${headline(settings)}\n`);
  const results = await examine(settings, (name, result) => {
    if (!result) {
      spinner?.start(TITLES[name]);
      return;
    }
    spinner?.stop();
    for (const line of stepLines(result, colors)) say(line);
  });
  say(`\n${conclusion(results)}`);
  if (settings.json) process.stdout.write(`${toJson(settings, results)}\n`);
  return isWell(results) ? 0 : 1;
}
