// Writes the public API of each entry point to api/, or compares it: a change of the API is then seen in review.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { readArguments } from './arguments.mjs';

const { values } = readArguments({
  usage: `Usage: npm run api -- [--check]

Writes the public API of dist/ to api/*.api.md. Run npm run build first.

  --check  writes nothing; ends with 1 if the API differs from api/
  --help   shows this
`,
  options: { check: { type: 'boolean', default: false } },
});

const ROOT = resolve(import.meta.dirname, '..');
const COMPILER = { target: 'es2022', module: 'nodenext', strict: true, skipLibCheck: true, types: ['node'] };
const ENTRIES = ['index', 'emulator', 'redis', 'opentelemetry'];

// API Extractor does not create it.
mkdirSync(join(ROOT, 'api'), { recursive: true });
const temporary = mkdtempSync(join(tmpdir(), 'axios-liveperson-auth-api-'));
try {
  const changed = ENTRIES.filter((entry) => !report(entry));
  if (changed.length > 0 && values.check) {
    console.error(
      `The public API differs from api/: ${changed.join(', ')}. If you want the change, run npm run api and commit.`,
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(temporary, { recursive: true });
}

/** @returns whether the API is as the report says */
function report(entry) {
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: join(ROOT, `dist/cjs/${entry}.d.ts`),
      bundledPackages: [],
      compiler: { overrideTsconfig: { compilerOptions: COMPILER, files: [join(ROOT, `dist/cjs/${entry}.d.ts`)] } },
      apiReport: {
        enabled: true,
        reportFileName: `${entry}.api.md`,
        reportFolder: join(ROOT, 'api'),
        reportTempFolder: temporary,
      },
      newlineKind: 'lf',
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: { default: { logLevel: 'none' }, 'ae-forgotten-export': { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
        compilerMessageReporting: { default: { logLevel: 'error' } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(ROOT, 'package.json'),
  });
  const { succeeded, apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild: !values.check,
    showVerboseMessages: false,
    messageCallback: (message) => {
      // The report's own messages would advise what this script says in one sentence.
      message.handled = message.logLevel !== 'error';
    },
  });
  if (errorCount > 0) throw new Error(`The API of ${entry} could not be read.`);
  return succeeded && !apiReportChanged;
}
