import { Liquid, type Template as Node } from 'liquidjs';
import type { ExpressionProblem } from './condition.ts';
import type { Reference, TemplateScope } from './types.ts';

/** A text with placeholders in Liquid (shopify.github.io/liquid): `{{ classify.output }}`. Nothing is escaped, and only own properties are read. */
export interface Template {
  readonly source: string;
  /** Everything it reads from outside, in order of appearance. */
  readonly references: readonly Reference[];
  /** The text. Throws an Error with a message of one line where it cannot be rendered, or would grow past all bounds. */
  render(scope: TemplateScope): string;
}

/** Templates are a config's, and what they are given may be anybody's: no files, no inherited properties, bounded time and memory. */
const liquid = new Liquid({
  ownPropertyOnly: true,
  strictFilters: true,
  templates: {},
  parseLimit: 100_000,
  renderLimit: 250,
  memoryLimit: 64 * 1024 * 1024,
  // A whole value put into a text reads as JSON, not as the name of its type.
  outputEscape: (value: unknown) => {
    if (value === null || value === undefined) return '';
    return typeof value === 'string' ? value : JSON.stringify(value);
  },
});
for (const tag of ['include', 'render', 'layout', 'block']) delete liquid.tags[tag];

/** A template, or what is wrong with it. */
export function parseTemplate(source: string): Template | ExpressionProblem {
  let nodes: Node[];
  let references: readonly Reference[];
  try {
    nodes = liquid.parse(source);
    references = liquid
      .globalVariableSegmentsSync(nodes)
      .map((path) => path.map((segment) => (typeof segment === 'number' ? segment : String(segment))));
  } catch (error) {
    const { line, col } = placeOf(error);
    return { message: messageOf(error), at: offsetOf(source, line, col) };
  }
  return {
    source,
    references,
    render: ({ steps, ...own }) => {
      try {
        return String(liquid.renderSync(nodes, { ...steps, ...own }));
      } catch (error) {
        throw new Error(messageOf(error), { cause: error });
      }
    },
  };
}

/** The parser ends its messages with the place, which the caller says better. */
function messageOf(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
  return line.replace(/, line:\d+, col:\d+$/, '');
}

function placeOf(error: unknown): { readonly line: number; readonly col: number } {
  const found = /line:(\d+), col:(\d+)/.exec(error instanceof Error ? error.message : '');
  return { line: Number(found?.[1] ?? 1), col: Number(found?.[2] ?? 1) };
}

function offsetOf(source: string, line: number, col: number): number {
  let at = 0;
  for (let i = 1; i < line; i += 1) at = source.indexOf('\n', at) + 1;
  return at + col - 1;
}
