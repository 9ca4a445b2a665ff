#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { addCommand, CommandError, createProgram, runProgram, UsageError } from './command-line.js';
import { doctorCommand } from './doctor/command.js';
import { emulatorCommand } from './emulator/command.js';
import { sendCommand } from './send/command.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const program = createProgram(version);
const endWith = (code: number) => {
  process.exitCode = code;
};

// The code of a command is loaded when the command runs: the emulator also runs where Axios is not installed.
addCommand(program, doctorCommand, async (given) =>
  endWith(await (await import('./doctor/doctor.js')).runDoctor(given)),
);
addCommand(program, sendCommand, async (given) => endWith(await (await import('./send/send.js')).runSend(given)));
addCommand(program, emulatorCommand, async (given) =>
  endWith(await (await import('./emulator/emulator.js')).runEmulator(given)),
);

/** One sentence, never a stack. @returns the exit code */
function explain(error: unknown): number {
  const { code, message } = error as NodeJS.ErrnoException;
  const isOurs = error instanceof UsageError || error instanceof CommandError;
  const isAxiosMissing = code === 'ERR_MODULE_NOT_FOUND' && /'axios'/.test(message);
  const unforeseen = `An unexpected error occurred: ${hideSecret(String(message))}. Please report it.`;
  const sentence = isOurs ? message : isAxiosMissing ? 'axios is not installed: npm install axios' : unforeseen;
  process.stderr.write(`axios-liveperson-auth: ${sentence}\n`);
  return error instanceof UsageError ? 2 : 1;
}

function hideSecret(text: string): string {
  const secret = process.env.LP_CLIENT_SECRET;
  return secret ? text.replaceAll(secret, '…') : text;
}

process.on('uncaughtException', (error) => process.exit(explain(error)));
// The reader of a pipe may end first, as head does.
process.stdout.on('error', () => process.exit(0));

await runProgram(program, process.argv.slice(2)).catch((error) => endWith(explain(error)));
