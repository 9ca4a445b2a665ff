import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

const LIB = resolve(__dirname, '../../lib');

/** Files and folders of lib/ from top to bottom. Everything else directly in lib/ is a leaf, below all of them. */
const LAYERS = ['index.ts', 'connector-auth.ts', 'token-getters.ts', 'request', 'tokens', 'stores'];

/** Entry points of their own. Nothing in the layers imports them. */
const BESIDE = ['cli', 'emulator'];

interface Import {
  readonly from: string;
  readonly to: string;
  /** It is gone in the compiled code. */
  readonly isType: boolean;
}

const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort();
const imports = files.flatMap((file) => readImports(file, readFileSync(join(LIB, file), 'utf8')));

/** The imports from files of lib/, in every form that TypeScript has. */
function readImports(from: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, isType: boolean) => {
    if (!specifier || !ts.isStringLiteral(specifier) || !specifier.text.startsWith('.')) return;
    found.push({ from, to: join(dirname(from), specifier.text).replace(/\.js$/, '.ts'), isType });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node)) add((node.argument as ts.LiteralTypeNode).literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(from, text, ts.ScriptTarget.Latest));
  return found;
}

/** A circle of imports, as the files on it; `undefined` if there is none. */
function findCircle(edges: readonly Import[]): string[] | undefined {
  const done = new Set<string>();
  const follow = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { to } of edges.filter(({ from }) => from === file)) {
      const circle = follow(to, [...path, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const { from } of edges) {
    const circle = follow(from, []);
    if (circle) return circle;
  }
  return undefined;
}

const placeOf = (file: string): string => file.split('/')[0] ?? '';
const depthOf = (file: string): number => {
  const depth = LAYERS.indexOf(placeOf(file));
  return depth < 0 ? LAYERS.length : depth;
};
const show = ({ from, to }: Import): string => `${from} imports ${to}`;

it('every form of import is seen', () => {
  const text = `
    import { a } from './a.js';
    import type { B } from '../b.js';
    import './c.js';
    export { d } from './d.js';
    export type { E } from './e.js';
    export * from './f.js';
    const g = await import('./g.js');
    type H = import('./h.js').H;
    import { type I, i } from './i.js';
    import axios from 'axios';`;
  expect(readImports('folder/file.ts', text).map(({ to, isType }) => `${to}${isType ? ' (type)' : ''}`)).toEqual([
    'folder/a.ts',
    'b.ts (type)',
    'folder/c.ts',
    'folder/d.ts',
    'folder/e.ts (type)',
    'folder/f.ts',
    'folder/g.ts',
    'folder/h.ts (type)',
    'folder/i.ts',
  ]);
  expect(imports.filter(({ to }) => !files.includes(to)).map(show)).toEqual([]);
});

it('a circle is found', () => {
  const edges = ['ab', 'bc', 'cd', 'db', 'ad'].map(([from = '', to = '']) => ({ from, to, isType: false }));
  expect(findCircle(edges)).toEqual(['b', 'c', 'd', 'b']);
  expect(findCircle(edges.slice(0, 3))).toBeUndefined();
});

it('there is no circle of imports in lib/, type imports included', () => {
  expect(findCircle(imports)).toBeUndefined();
});

it('imports point down the list of layers, type imports aside', () => {
  const layered = imports.filter(({ from, isType }) => !isType && !BESIDE.includes(placeOf(from)));
  const wrong = layered.filter(({ from, to }) => depthOf(to) < depthOf(from) || BESIDE.includes(placeOf(to)));
  expect(wrong.map(show)).toEqual([]);
  // Each layer is there, and imports something.
  for (const layer of LAYERS) expect(imports.map(({ from }) => placeOf(from))).toContain(layer);
});

it('the emulator shares no code and no type with the rest of lib/', () => {
  const shared = imports.filter(({ from, to }) => (placeOf(from) === 'emulator') !== (placeOf(to) === 'emulator'));
  expect(shared.map(show)).toEqual([]);
});
