import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { homes, layers, maxLines, pureExternals, rootFiles } from './layers.ts';

/** A broken rule of the house. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly rule: 'layer' | 'entry' | 'cycle' | 'home' | 'pure' | 'impure-global' | 'unknown-folder' | 'file-length' | 'vendor-branch';
  readonly message: string;
}

interface Import {
  readonly from: string;
  readonly line: number;
  readonly specifier: string;
}

const IMPORT =
  /(?:^|[\s;])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|[\s;])import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const IMPURE_GLOBAL = /\b(?:Date\.now|Math\.random|process\.env|performance\.now|new Date\(\))/g;
const VENDOR_BRANCH =
  /(?:[!=]==|case)\s*['"](?:openai|anthropic|azure|openrouter|together|fireworks|groq|deepinfra|mistral|gemini|vllm|ollama|llama-cpp|lm-studio|tgi)['"]/g;

/** Checks every .ts file of `root`/src but tests, and returns what breaks a rule, sorted by file and line. */
export function findViolations(root: string): Violation[] {
  const source = join(root, 'src');
  const files = listFiles(source).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const violations: Violation[] = [];
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const imports = readImports(file, text);
    const targets: string[] = [];
    for (const item of imports) {
      if (item.specifier.startsWith('.')) {
        const target = resolve(dirname(file), item.specifier);
        if (existsSync(target)) targets.push(target);
        violations.push(...checkInternal(source, item, target));
      } else violations.push(...checkExternal(source, item));
    }
    graph.set(file, targets);
    violations.push(...checkText(source, file, text));
  }
  violations.push(...findCycles(graph, source));
  return violations.map((v) => ({ ...v, file: relative(root, v.file) })).sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function readImports(file: string, text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' ')).replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(IMPORT)].map((match) => ({
    from: file,
    line: code.slice(0, match.index + match[0].length).split('\n').length,
    specifier: match[1] ?? match[2] ?? match[3] ?? '',
  }));
}

/** The folder of src that a file belongs to, or the file's own name when it lies directly in src. */
function placeOf(source: string, file: string): string {
  return relative(source, file).split(sep)[0] ?? '';
}

function layerOf(place: string): number | undefined {
  return layers[place] ?? rootFiles[place];
}

function checkInternal(source: string, item: Import, target: string): Violation[] {
  const from = placeOf(source, item.from);
  const to = placeOf(source, target);
  if (from === to) return [];
  const at = { file: item.from, line: item.line };
  const fromLayer = layerOf(from);
  const toLayer = layerOf(to);
  if (toLayer === undefined || fromLayer === undefined)
    return [{ ...at, rule: 'unknown-folder', message: `${toLayer === undefined ? to : from} has no layer in scripts/layers.ts` }];
  if (toLayer >= fromLayer) return [{ ...at, rule: 'layer', message: `${from} (L${fromLayer}) may not import ${to} (L${toLayer})` }];
  const inside = relative(join(source, to), target);
  if (toLayer >= 2 && rootFiles[to] === undefined && inside !== 'index.ts' && inside !== 'types.ts')
    return [{ ...at, rule: 'entry', message: `enter ${to} by its index.ts or types.ts, not by ${inside}` }];
  return [];
}

function checkExternal(source: string, item: Import): Violation[] {
  const place = placeOf(source, item.from);
  const name = item.specifier.startsWith('@')
    ? item.specifier.split('/').slice(0, 2).join('/')
    : item.specifier.startsWith('node:')
      ? item.specifier
      : (item.specifier.split('/')[0] ?? '');
  const at = { file: item.from, line: item.line };
  const allowed = homes[name];
  if (allowed && !allowed.includes(place))
    return [{ ...at, rule: 'home', message: `${name} may be imported only in ${allowed.join(', ')}` }];
  if ((layers[place] ?? 9) <= 1 && !pureExternals.has(name))
    return [{ ...at, rule: 'pure', message: `${place} is pure and may not import ${name}` }];
  return [];
}

function checkText(source: string, file: string, text: string): Violation[] {
  const place = placeOf(source, file);
  const found: Violation[] = [];
  const lines = text.split('\n').length - 1;
  if (lines > maxLines && !file.endsWith('.generated.ts'))
    found.push({ file, line: lines, rule: 'file-length', message: `${lines} lines; a file has one job and at most ${maxLines}` });
  const lineAt = (index: number): number => text.slice(0, index).split('\n').length;
  const isClockOrIds = place === 'core';
  if ((layers[place] ?? 9) <= 1 && !isClockOrIds) {
    for (const match of text.matchAll(IMPURE_GLOBAL))
      found.push({ file, line: lineAt(match.index), rule: 'impure-global', message: `${match[0]} in a pure folder: pass it in` });
  }
  if (place !== 'providers' && place !== 'pricing' && place !== 'audit') {
    for (const match of text.matchAll(VENDOR_BRANCH))
      found.push({
        file,
        line: lineAt(match.index),
        rule: 'vendor-branch',
        message: `a branch on a vendor's name (${match[0]}): say it as data in providers/`,
      });
  }
  return found;
}

/** Tarjan's strongly connected components; one violation per component with more than one file. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>, source: string): Violation[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const onStack = new Set<string>();
  const stack: string[] = [];
  const found: Violation[] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) ?? 0);
    stack.push(file);
    onStack.add(file);
    for (const target of graph.get(file) ?? []) {
      if (!graph.has(target)) continue;
      if (!index.has(target)) {
        visit(target);
        low.set(file, Math.min(low.get(file) ?? 0, low.get(target) ?? 0));
      } else if (onStack.has(target)) low.set(file, Math.min(low.get(file) ?? 0, index.get(target) ?? 0));
    }
    if (low.get(file) !== index.get(file)) return;
    const component: string[] = [];
    let member: string;
    do {
      member = stack.pop() as string;
      onStack.delete(member);
      component.push(member);
    } while (member !== file);
    if (component.length > 1)
      found.push({ file, line: 1, rule: 'cycle', message: `import cycle: ${component.map((name) => relative(source, name)).join(' → ')}` });
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return found;
}
