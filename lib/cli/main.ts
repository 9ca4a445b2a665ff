import { readFileSync } from 'node:fs';
import { CommandError, helpFor, table, UsageError } from './command-line.js';
import { doctorCommand } from './doctor/command.js';
import { emulatorCommand } from './emulator/command.js';

// What a command needs is loaded when it is called: the emulator runs where Axios is not installed.
const COMMANDS = {
  doctor: { command: doctorCommand, load: async () => (await import('./doctor/doctor.js')).runDoctor },
  emulator: { command: emulatorCommand, load: async () => (await import('./emulator/emulator.js')).runEmulator },
};

const HELP = `Puts LivePerson's two tokens on your connector's requests; these are its tools.

usage: npx axios-liveperson-auth COMMAND [flags]

${table(Object.entries(COMMANDS).map(([name, { command }]) => [name, command.does] as const))}

  --help     of the whole, or of a command
  --version

https://www.npmjs.com/package/axios-liveperson-auth
`;

async function main([name, ...argv]: readonly string[]): Promise<number> {
  if (name === undefined)
    throw new UsageError('Which command: doctor or emulator? See npx axios-liveperson-auth --help.');
  if (name === '--help' || name === '-h' || name === 'help') return say(HELP);
  if (name === '--version' || name === '-v') return say(`${readVersion()}\n`);
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new UsageError(
      `There is no command ${JSON.stringify(name.slice(0, 40))}: use doctor or emulator. See npx axios-liveperson-auth --help.`,
    );
  }
  const { command, load } = COMMANDS[name as keyof typeof COMMANDS];
  if (argv.includes('--help') || argv.includes('-h')) return say(helpFor(command));
  const run = await load();
  return run(argv);
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

const readVersion = (): string =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;

/** One sentence, never a stack. @returns the exit code */
function explain(error: unknown): number {
  const { code, message } = error as NodeJS.ErrnoException;
  const isOurs = error instanceof UsageError || error instanceof CommandError;
  const isAxiosMissing = code === 'ERR_MODULE_NOT_FOUND' && /'axios'/.test(message);
  const unforeseen = `Something unforeseen happened: ${hideSecret(String(message))}. Please report it.`;
  const sentence = isOurs ? message : isAxiosMissing ? 'axios is not installed: npm install axios' : unforeseen;
  process.stderr.write(`axios-liveperson-auth: ${sentence}\n`);
  return error instanceof UsageError ? 2 : 1;
}

function hideSecret(text: string): string {
  const secret = process.env.LP_CLIENT_SECRET;
  return secret ? text.replaceAll(secret, '…') : text;
}

process.on('uncaughtException', (error) => process.exit(explain(error)));
// Whoever reads along may go away, as head does.
process.stdout.on('error', () => process.exit(0));

process.exitCode = await main(process.argv.slice(2)).catch(explain);
