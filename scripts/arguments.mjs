import { parseArgs } from 'node:util';

/**
 * Reads the arguments of a script. `--help` prints the usage and ends with 0. Arguments that the script does not know end it
 * with 2, before it starts any work.
 */
export function readArguments({ usage, options = {}, allowPositionals = false, check = () => {} }) {
  let parsed;
  try {
    parsed = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } }, allowPositionals });
    if (!parsed.values.help) check(parsed);
  } catch ({ message }) {
    // Node adds advice about positional arguments.
    console.error(`${message.replace(/(\. To specify a positional|\. If you want).*/s, '.')}\n\n${usage}`);
    process.exit(2);
  }
  if (!parsed.values.help) return parsed;
  console.log(usage);
  process.exit(0);
}
