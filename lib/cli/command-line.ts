import { parseArgs } from 'node:util';

/** The command was used wrongly: its message is the one sentence that the user is told. Exit code 2. */
export class UsageError extends Error {}

/** What could not be done, though it was asked for rightly: one sentence too. Exit code 1. */
export class CommandError extends Error {}

export interface Flag {
  /** What stands for the value in the help, such as `URL`; a flag without one is on or off. */
  readonly value?: string;
  readonly multiple?: boolean;
  /** One line of the help. */
  readonly does: string;
}

export interface Command {
  readonly name: string;
  readonly does: string;
  readonly flags: Readonly<Record<string, Flag>>;
  /** What the help says below the flags. */
  readonly notes: string;
}

type Value<F extends Flag> = F extends { multiple: true } ? string[] : F extends { value: string } ? string : boolean;

/** What was given, by the name of the flag. */
export type Given<C extends Command> = { [Name in keyof C['flags']]?: Value<C['flags'][Name]> } & { help?: boolean };

const HELP: Flag = { does: 'shows this' };

/** @throws UsageError for a flag that does not exist, lacks its value, or has one that it does not take */
export function readFlags<C extends Command>(command: C, argv: readonly string[]): Given<C> {
  const flags: Record<string, Flag> = { ...command.flags, help: HELP };
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value, multiple = false }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), multiple, ...(name === 'help' && { short: 'h' }) },
    ]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false });
    for (const [name, value] of Object.entries(values)) {
      if (value === '') throw new UsageError(`--${name} is empty: give it a value, or leave it out.`);
    }
    return values as Given<C>;
  } catch (error) {
    throw error instanceof UsageError ? error : describeParseError(error, command.name);
  }
}

function describeParseError(error: unknown, command: string): UsageError {
  const { code, message } = error as { code?: string; message: string };
  const named = /'(-{1,2}[^'\s=]+)/.exec(message)?.[1] ?? '';
  const see = `See npx axios-liveperson-auth ${command} --help.`;
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION')
    return new UsageError(`There is no flag ${named} of ${command}. ${see}`);
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
    return new UsageError(`${command} takes flags alone, and one argument is none. ${see}`);
  const flag = named.replace(/^-h, /, '');
  return /does not take/.test(message)
    ? new UsageError(`${flag} takes no value. ${see}`)
    : new UsageError(`${flag} needs a value. ${see}`);
}

/** The help of one command. */
export function helpFor({ name, does, flags, notes }: Command): string {
  const rows = Object.entries({ ...flags, help: HELP }).map(
    ([flag, { value, does: meaning }]) => [`--${flag}${value ? ` ${value}` : ''}`, meaning] as const,
  );
  return `${does}

usage: npx axios-liveperson-auth ${name} [flags]

${table(rows)}

${notes.trim()}
`;
}

/** Two columns, the first as wide as its longest text. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`).join('\n');
}
