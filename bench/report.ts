import { type Finding, isWithin } from './limits.js';
import type { Result } from './measures.js';

/** What bench/results.json holds. */
export interface Report {
  readonly machine: string;
  readonly node: string;
  readonly axios: string;
  readonly results: readonly Result[];
}

const OURS = 'axios-liveperson-auth';

const number = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(value < 10 ? 3 : 1);

/** In columns of even width, as the formatter has it. */
function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...body.map((cells) => (cells[column] ?? '').length)),
  );
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [row(head), row(widths.map((width) => '-'.repeat(width))), ...body.map(row)].join('\n');
}

const findingsIn = ({ results }: Report): Finding[] => results.flatMap(({ findings }) => findings);

export function limitsTable(report: Report): string {
  return table(
    ['measure', 'measured', 'limit', 'noise', ''],
    findingsIn(report).map((finding) => [
      finding.what,
      `${number(finding.measured)} ${finding.unit}`,
      `${finding.limit.toLocaleString('en')} ${finding.unit}`,
      finding.allowance > 0 ? `± ${(finding.allowance * 100).toFixed(1)} %` : '',
      isWithin(finding) ? 'met' : '**not met**',
    ]),
  );
}

/** The subjects beside each other, one column for each measure that has them all. */
export function subjectsTable(report: Report): string {
  const compared = report.results.filter(({ measure, ratios }) => ratios && measure !== 'growth');
  const names = [...new Set(compared.flatMap(({ figures }) => Object.keys(figures)))];
  const cell = ({ figures, ratios }: Result, name: string): string => {
    const time = figures[name];
    return time === undefined ? '' : `${time.toFixed(1)} µs, ${(ratios?.[name] ?? Number.NaN).toFixed(3)} ×`;
  };
  const ahead = report.results.find(({ measure }) => measure === 'ahead');
  return table(
    ['', ...compared.map(({ title }) => title), ...(ahead ? [ahead.title] : [])],
    names.map((name) => [
      name,
      ...compared.map((result) => cell(result, name)),
      ...(ahead ? [ahead.figures[name] === undefined ? '' : `${ahead.figures[name].toFixed(2)} ×`] : []),
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

export function machineLine({ machine, node, axios }: Report): string {
  return `${machine}; Node ${node}, Axios ${axios}.`;
}

export const fullTables = (report: Report): string =>
  [machineLine(report), limitsTable(report), subjectsTable(report), growthTable(report)].join('\n\n');

/** What the README has: the time of a request over loopback, and with nothing but Axios. */
export function shortTable({ results }: Report): string {
  const shown = results.filter(({ measure }) => ['warm', 'loopback', 'ahead'].includes(measure));
  const names = [...new Set(shown.flatMap(({ figures }) => Object.keys(figures)))].filter(
    (name) => name !== 'bare again',
  );
  return table(
    ['', ...shown.map(({ title }) => title)],
    names.map((name) => [
      name,
      ...shown.map(({ figures, ratios }) => {
        const figure = ratios ? ratios[name] : figures[name];
        return figure === undefined ? '' : `${figure.toFixed(2)} ×`;
      }),
    ]),
  );
}

/** Bars of one request's time against bare Axios, one for each subject. */
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
