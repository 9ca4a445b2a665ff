import { CommanderError, Option, Command as Parser } from 'commander';

/** The command was used wrongly. The user sees only the message. Exit code 2. */
export class UsageError extends Error {}

/** The command was used correctly, but failed. The user sees only the message. Exit code 1. */
export class CommandError extends Error {}

export interface Flag {
  /** The name of the value in the help, such as `URL`. A flag without one is on or off. */
  readonly value?: string;
  readonly multiple?: boolean;
  /** One line of the help. */
  readonly does: string;
}

export interface Command {
  readonly name: string;
  readonly does: string;
  /** The one argument that is not a flag. */
  readonly argument?: { readonly name: string; readonly does: string };
  readonly flags: Readonly<Record<string, Flag>>;
  /** The help below the flags. */
  readonly notes: string;
}

type Value<F extends Flag> = F extends { multiple: true } ? string[] : F extends { value: string } ? string : boolean;

/** The values of the flags by name, and the argument. */
export type Given<C extends Command> = { [Name in keyof C['flags']]?: Value<C['flags'][Name]> } & { argument?: string };

export function createProgram(version: string): Parser {
  return new Parser('npx axios-liveperson-auth')
    .description('Tools for connectors that use axios-liveperson-auth.')
    .version(version, '-v, --version', 'shows the version')
    .helpOption('-h, --help', 'shows this')
    .helpCommand('help [command]', 'shows the help of a command')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError();
}

/** Adds a command to the program. Its flags are checked before `run` is called. */
export function addCommand<C extends Command>(
  program: Parser,
  command: C,
  run: (given: Given<C>) => Promise<void>,
): void {
  const { name, does, argument, flags, notes } = command;
  const parser = program.command(name).description(does).helpOption('-h, --help', 'shows this');
  parser.addHelpText('after', `\n${notes.trim()}`);
  if (argument) parser.argument(`<${argument.name}>`, argument.does);
  const options = Object.entries(flags).map(([flag, shape]) => [flag, createOption(flag, shape)] as const);
  for (const [, option] of options) parser.addOption(option);
  if (!('client-secret' in flags)) parser.addOption(createRefusedSecret());
  parser.action(async () => {
    const given = options.map(([flag, option]) => [flag, parser.getOptionValue(option.attributeName())] as const);
    const values = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    await run({ ...values, ...(argument && { argument: parser.args[0] }) } as Given<C>);
  });
}

function createOption(flag: string, { value, multiple = false, does }: Flag): Option {
  const option = new Option(`--${flag}${value ? ` <${value}>` : ''}`, does);
  if (!value) return option;
  return option.argParser<string | string[] | undefined>((text, before) => {
    if (text === '') throw new UsageError(`--${flag} is empty. Give it a value, or leave it out.`);
    // Commander takes the next flag as the value.
    if (text.startsWith('--')) throw new UsageError(`--${flag} needs a value.`);
    return multiple ? [...(Array.isArray(before) ? before : []), text] : text;
  });
}

function createRefusedSecret(): Option {
  return new Option('--client-secret <secret>').hideHelp().argParser(() => {
    throw new UsageError(
      'Do not pass the secret as a flag: every process of this machine can read it, and the shell keeps it in its history. Set LP_CLIENT_SECRET in the environment instead.',
    );
  });
}

/** Runs the command that the arguments name. */
export async function runProgram(program: Parser, argv: readonly string[]): Promise<void> {
  const names = program.commands.map((command) => command.name());
  if (argv.length === 0) throw new UsageError(`Which command: ${inWords(names)}? See ${program.name()} --help.`);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    const command = program.commands.find((known) => known.name() === argv[0]);
    const help = `${program.name()} ${command ? `${command.name()} ` : ''}--help`;
    throw new UsageError(`${sentenceOf(error, command)} See ${help}.`);
  }
}

/** Commander's message without the value of a flag, which may be a secret. */
function sentenceOf({ code, message }: CommanderError, command: Parser | undefined): string {
  if (code === 'commander.help') return 'There is no command of this name.';
  const [, flag] = /'(--[\w-]+)=/.exec(message) ?? [];
  if (command?.options.some(({ long }) => long === flag)) return `${flag} takes no value.`;
  const sentence = message
    .replace(/^error: /, '')
    .replace(/'(--[\w-]+|-\w)[^']*'/, "'$1'")
    .replace(/ '[^']{40,}'/, '')
    .replace(/\s+/g, ' ');
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${/[.?)]$/.test(sentence) ? '' : '.'}`;
}

const inWords = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
