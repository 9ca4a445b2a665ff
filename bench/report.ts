import { type Finding, isWithin } from './limits.js';
import type { Result } from './measures.js';

/** The content of bench/results.json. */
export interface Report {
  readonly machine: string;
  readonly node: string;
  readonly axios: string;
  readonly results: readonly Result[];
}

const OURS = 'axios-liveperson-auth';

/** Stands for a figure that could not be measured. Such a figure is NaN, which JSON writes as null. */
const FAILED = 'failed';

function number(value: number, unit: string): string {
  if (!Number.isFinite(value)) return FAILED;
  return `${Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(value < 10 ? 3 : 1)} ${unit}`;
}

/** A ratio with two digits; empty where the measure leaves the subject out. */
function twoDigits(value: number | undefined): string {
  if (value === undefined) return '';
  return Number.isFinite(value) ? `${value.toFixed(2)} ×` : FAILED;
}

/** A Markdown table with padded columns. */
function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...body.map((cells) => (cells[column] ?? '').length)),
  );
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...body.map(row)].join('\n');
}

const findingsIn = ({ results }: Report): Finding[] => results.flatMap(({ findings }) => findings);

function verdictOn(finding: Finding): string {
  if (finding.limit === undefined) return '';
  return isWithin(finding) ? 'met' : '**not met**';
}

export function limitsTable(report: Report): string {
  return table(
    ['measure', 'measured', 'limit', 'noise', ''],
    findingsIn(report).map((finding) => [
      finding.what,
      number(finding.measured, finding.unit),
      finding.limit === undefined ? 'none' : `${finding.limit.toLocaleString('en')} ${finding.unit}`,
      finding.allowance > 0 ? `± ${(finding.allowance * 100).toFixed(1)} %` : '',
      verdictOn(finding),
    ]),
  );
}

/** One row for each subject, one column for each measure that compares them. */
export function subjectsTable(report: Report): string {
  const compared = report.results.filter(({ measure, ratios }) => ratios && measure !== 'growth');
  const cell = ({ figures, ratios }: Result, name: string): string => {
    const time = figures[name];
    return time === undefined ? '' : `${time.toFixed(1)} µs, ${(ratios?.[name] ?? Number.NaN).toFixed(3)} ×`;
  };
  const ahead = report.results.find(({ measure }) => measure === 'ahead');
  const shown = [...compared, ...(ahead ? [ahead] : [])];
  const names = [...new Set(shown.flatMap(({ figures }) => Object.keys(figures)))];
  return table(
    ['', ...compared.map(({ title }) => title), ...(ahead ? [ahead.title] : [])],
    names.map((name) => [
      name,
      ...compared.map((result) => cell(result, name)),
      ...(ahead ? [twoDigits(ahead.figures[name])] : []),
    ]),
  );
}

export function growthTable({ results }: Report): string {
  return table(
    ['', 'bare', OURS, 'ratio', 'noise'],
    results
      .filter(({ measure }) => measure === 'growth')
      .map(({ title, figures, ratios }) => [
        title,
        `${figures.bare?.toFixed(1)} µs`,
        `${figures[OURS]?.toFixed(1)} µs`,
        `${ratios?.[OURS]?.toFixed(3)} ×`,
        `± ${(Math.abs((ratios?.['bare again'] ?? Number.NaN) - 1) * 100).toFixed(1)} %`,
      ]),
  );
}

/** One row for each number of messages in flight when both tokens are revoked. */
export function revokedTable({ results }: Report): string {
  const cases = results.filter(({ measure, figures }) => measure === 'revoked' && 'idp' in figures);
  if (cases.length === 0) return 'No figures yet.';
  return table(
    ['both tokens revoked', 'messages lost', 'sends of one message', 'Sentinel calls', 'IDP calls for one consumer'],
    cases.map(({ title, figures: { lost, sends, sentinel, idp } }) => [
      title,
      ...[lost, sends, sentinel, idp].map((count) => (count ?? Number.NaN).toLocaleString('en')),
    ]),
  );
}

/** One row for each limit of IDP. */
export function pacingTable({ results }: Report): string {
  const cases = results.filter(({ measure, figures }) => measure === 'pacing' && 'calls' in figures);
  if (cases.length === 0) return 'No figures yet.';
  return table(
    ['IDP allows, and answers after', 'failed', 'calls', 'time, against the shortest possible'],
    cases.map(({ title, figures: { failed, calls, time } }) => [
      title,
      String(failed),
      twoDigits(calls),
      twoDigits(time),
    ]),
  );
}

export function machineLine({ machine, node, axios }: Report): string {
  return `${machine}; Node ${node}, Axios ${axios}.`;
}

/** What a run prints: the tables that have rows. */
export function fullTables(report: Report): string {
  const tables = [limitsTable, subjectsTable, revokedTable, pacingTable, growthTable].map((part) => part(report));
  return [machineLine(report), ...tables.filter((text) => text.split('\n').length > 2)].join('\n\n');
}

/** The table of the README: a request without a network, a request over loopback, and a renewal. */
export function shortTable({ results }: Report): string {
  const shown = results.filter(({ measure }) => ['warm', 'loopback', 'ahead'].includes(measure));
  const names = [...new Set(shown.flatMap(({ figures }) => Object.keys(figures)))].filter(
    (name) => name !== 'bare again',
  );
  return table(
    ['', ...shown.map(({ title }) => title)],
    names.map((name) => [name, ...shown.map(({ figures, ratios }) => twoDigits((ratios ?? figures)[name]))]),
  );
}

/** A bar for each subject: the time of one request against bare Axios. */
export function chart({ results }: Report): string {
  const { ratios = {}, title = '' } = results.find(({ measure }) => measure === 'warm') ?? {};
  const entries = Object.entries(ratios).filter(([name]) => name !== 'bare again');
  const widest = Math.max(1, ...entries.map(([, value]) => value));
  const height = entries.length * 28 + 44;
  const bars = entries.map(([name, value], index) => {
    const y = 36 + index * 28;
    const width = ((value / widest) * 380).toFixed(1);
    const colour = name === OURS ? '#1a7f37' : '#8c959f';
    return [
      `<text x="170" y="${y + 15}" text-anchor="end">${name}</text>`,
      `<rect x="180" y="${y}" width="${width}" height="20" fill="${colour}"/>`,
      `<text x="${(186 + Number(width)).toFixed(1)}" y="${y + 15}">${value.toFixed(2)} ×</text>`,
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="${height}" viewBox="0 0 640 ${height}" font-family="sans-serif" font-size="13" fill="#57606a">`,
    `<title>A request’s time against bare Axios: ${title}</title>`,
    `<text x="180" y="20">A request’s time against bare Axios: ${title}</text>`,
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}

/** Puts a text between `<!-- name -->` and `<!-- /name -->`. */
export function putBetween(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`The page has no ${begin} … ${end}.`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}
