import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Prints what is wrong and exits with 2. */
export function failUsage(message: string, script = 'bench'): never {
  console.error(`${script}: ${message}`);
  console.error(`${script}: --help shows the usage.`);
  process.exit(2);
}

/** Reads the command line. `--help` prints the usage and exits with 0; a wrong flag exits with 2. */
export function readCommandLine<Parsed extends { values: { help: boolean } }>(
  usage: string,
  parse: () => Parsed,
  script = 'bench',
): Parsed {
  const parsed = parseOrFail(parse, script);
  if (!parsed.values.help) return parsed;
  console.log(usage);
  process.exit(0);
}

function parseOrFail<Parsed>(parse: () => Parsed, script: string): Parsed {
  try {
    return parse();
  } catch (error) {
    // Node adds advice about positional arguments.
    return failUsage((error as Error).message.replace(/\. To specify a positional.*/s, '.'), script);
  }
}

/** Builds dist/. The benches call it themselves, after the command line is checked. */
export function buildPackage(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
}
