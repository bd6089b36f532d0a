import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, visit } from 'yaml';
import type { Position } from '../core/index.ts';
import type { Problem } from './config-error.ts';
import type { Environment } from './types.ts';

/** YAML's own codes as sentences of ours: the library's messages may quote the text, and so a secret. */
const SYNTAX: Readonly<Record<string, string>> = {
  BAD_INDENT: 'The indentation does not fit the lines around it, or a bracket above is not closed.',
  BAD_DQ_ESCAPE: 'This escape is not allowed in a double-quoted string; use single quotes or write \\\\.',
  BAD_SCALAR_START: 'A plain value cannot start with this character; put the value in quotes.',
  BLOCK_AS_IMPLICIT_KEY: 'A second ": " on one line is not allowed; put the value in quotes.',
  DUPLICATE_KEY: 'This key stands here twice; remove one.',
  MISSING_CHAR: 'A closing quote, bracket or comma, or a colon after a key, is missing here.',
  MULTILINE_IMPLICIT_KEY: 'A key must stand on one line and end with ": ".',
  MULTIPLE_DOCS: 'The file holds more than one YAML document; keep one.',
  TAB_AS_INDENT: 'A tab cannot indent YAML; use spaces.',
  UNEXPECTED_TOKEN: 'This is not valid YAML here; check quotes, brackets and indentation.',
};

/** A config file as text with places: what it says, and where each part of it stands. */
export class Source {
  readonly file: string;
  readonly problems: Problem[] = [];
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #unset = new Set<string>();
  readonly #raw = new Map<unknown, string>();
  /** False when the text is not YAML: nothing more can be said of it then. */
  readonly readable: boolean;

  /** Parses YAML and expands `${NAME}` in its strings; what is wrong is in `problems`. */
  constructor(text: string, file: string, environment: Environment) {
    this.file = file;
    this.#text = text;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, merge: true, uniqueKeys: true });
    for (const error of this.#document.errors) {
      this.problems.push({ message: SYNTAX[error.code] ?? 'This is not valid YAML.', position: this.#position(error.pos[0]) });
    }
    visit(this.#document, {
      Alias: (_, node) => {
        if (node.resolve(this.#document)) return;
        this.problems.push({ message: 'This alias names no anchor above it.', position: this.#position(node.range?.[0] ?? 0) });
      },
    });
    this.readable = this.problems.length === 0;
    if (this.readable) this.#expand(environment);
  }

  /** The file as a plain value; an empty file is an empty mapping. */
  value(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: 100 }) ?? {};
    } catch {
      this.problems.push({ message: 'The aliases of this file unfold to too much; write the values out.', position: this.#position(0) });
      return {};
    }
  }

  /** The text at a path as it was written, in quotes and before variables were filled in: safe to show. */
  written(path: readonly PropertyKey[]): string {
    const node = this.#document.getIn(path, true);
    return JSON.stringify(this.#raw.get(node) ?? (isScalar(node) ? String(node.value) : '…'));
  }

  /** Whether the value at this place could not be filled in because a variable is unset. */
  isUnset(position: Position): boolean {
    return this.#unset.has(`${position.line}:${position.column}`);
  }

  /** Where the value at a path stands, or its key; a path that is not in the file gives its deepest part that is. */
  at(path: readonly PropertyKey[], part: 'key' | 'value' = 'value'): Position {
    let node: unknown = this.#document.contents;
    let offset = 0;
    for (const [depth, segment] of path.entries()) {
      const parent = isAlias(node) ? node.resolve(this.#document) : node;
      if (isMap(parent)) {
        const pair = parent.items.find((item) => keyOf(item) === String(segment));
        if (!pair) break;
        offset = start(pair.key) ?? offset;
        if (depth < path.length - 1 || part === 'value') offset = valueStart(pair) ?? offset;
        node = pair.value;
      } else if (isSeq(parent)) {
        node = parent.items[Number(segment)];
        offset = start(node) ?? offset;
      } else break;
    }
    return this.#position(offset);
  }

  /** The place `offset` characters into the text at a path; its beginning where escapes or line breaks move what follows. */
  within(path: readonly PropertyKey[], offset: number): Position {
    const node = this.#document.getIn(path, true);
    if (!isScalar(node) || node.range === undefined || node.range === null) return this.at(path);
    const from = node.range[0] + (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0);
    const text = String(node.value);
    return this.#text.startsWith(text, from) ? this.#position(from + Math.min(offset, text.length)) : this.at(path);
  }

  /** The mapping at a path as plain values; an empty one where there is none. */
  keysAt(path: readonly PropertyKey[]): Readonly<Record<string, unknown>> {
    const node = this.#document.getIn(path);
    return isMap(node) ? (node.toJS(this.#document, { maxAliasCount: 100 }) as Record<string, unknown>) : {};
  }

  /** Where the mapping at a path is named: the right place to say that something is missing in it. */
  heading(path: readonly PropertyKey[]): Position {
    return path.length === 0 ? this.#position(0) : this.at(path, 'key');
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  #expand(environment: Environment): void {
    visit(this.#document, {
      Scalar: (key, node) => {
        if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
        const from = node.range?.[0] ?? 0;
        this.#raw.set(node, node.value);
        node.value = expand(node.value, environment, (message, reference) => {
          const { line, column } = this.#position(from);
          this.#unset.add(`${line}:${column}`);
          const at = this.#text.slice(from, node.range?.[1]).indexOf(reference);
          this.problems.push({ message, position: this.#position(from + Math.max(0, at)) });
        });
      },
    });
  }
}

/** `${NAME}` becomes the variable's value, `$${` the two characters `${`. What is filled in is never expanded again. */
function expand(text: string, environment: Environment, complain: (message: string, reference: string) => void): string {
  return text.replace(/\$\$\{|\$\{([^}\n]*)(\}?)/g, (reference: string, name: string | undefined, close: string | undefined) => {
    if (name === undefined) return '${';
    if (close !== '}' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      complain('"${" starts a variable here but no NAME} follows; write $${ for the characters themselves.', '${');
      return reference;
    }
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value !== undefined) return value;
    complain(`The environment variable ${name} is not set; set it, or write $\${${name}} for the characters themselves.`, reference);
    return reference;
  });
}

function keyOf(pair: Pair): string | null {
  return isScalar(pair.key) ? String(pair.key.value) : null;
}

function start(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function valueStart(pair: Pair): number | undefined {
  if (isMap(pair.value) && pair.value.flow !== true) return undefined;
  if (isScalar(pair.value) && pair.value.value === null && pair.value.source === '') return undefined;
  return start(pair.value);
}
