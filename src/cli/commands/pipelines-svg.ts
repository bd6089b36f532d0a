import type { GraphStep, PipelineGraph } from './pipelines-graph.ts';

const WIDTH = 260;
const GAP = 36;
const MARGIN = 24;
const LINE = 17;

interface Box {
  readonly step: GraphStep;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** The pipeline as one SVG drawing, light on any background, without scripts or fonts of its own. */
export function svgOf({ pipeline, rows, output }: PipelineGraph): string {
  const columns = Math.max(1, ...rows.map((row) => row.length));
  const width = MARGIN * 2 + columns * WIDTH + (columns - 1) * GAP;
  const middle = width / 2;
  const parts: string[] = [pill(middle, MARGIN + 14, 'request')];
  let y = MARGIN + 28 + GAP;
  let ends: readonly (readonly [number, number])[] = [[middle, MARGIN + 28]];
  for (const branches of rows) {
    const left = middle - (branches.length * WIDTH + (branches.length - 1) * GAP) / 2;
    let bottom = y;
    const next: (readonly [number, number])[] = [];
    for (const [i, branch] of branches.entries()) {
      let before = ends;
      let at = y;
      for (const step of branch) {
        const box: Box = { step, x: left + i * (WIDTH + GAP), y: at, height: heightOf(step) };
        for (const from of before) parts.push(arrow(from, [box.x + WIDTH / 2, box.y], step.when !== null));
        parts.push(drawn(box));
        at += box.height + GAP;
        before = [[box.x + WIDTH / 2, box.y + box.height]];
      }
      next.push(...before);
      bottom = Math.max(bottom, at);
    }
    ends = next;
    y = bottom;
  }
  for (const from of ends) parts.push(arrow(from, [middle, y], false));
  parts.push(pill(middle, y + 14, output === null ? 'answer' : clip(output, 34)));
  const height = y + 28 + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Pipeline ${xml(pipeline)}">`,
    '<style>text{font:13px system-ui,sans-serif;fill:#1f2937}.dim{fill:#6b7280;font-size:12px}.name{font-weight:600}rect{fill:#fff;stroke:#9ca3af}.pill{fill:#f3f4f6}path{fill:none;stroke:#6b7280}.maybe{stroke-dasharray:4 3}</style>',
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" style="fill:#6b7280;stroke:none"/></marker></defs>',
    `<rect x="0" y="0" width="${width}" height="${height}" style="stroke:none"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function linesOf({ task, ladder, when, forEach, notes }: GraphStep): readonly string[] {
  return [
    `${task ?? 'controller'}: ${ladder.join(' → ')}`,
    ...(when === null ? [] : [`when ${when}`]),
    ...(forEach === null ? [] : [`for each of ${forEach}`]),
    ...notes,
  ];
}

function heightOf(step: GraphStep): number {
  return 16 + LINE * (1 + linesOf(step).length);
}

function drawn({ step, x, y, height }: Box): string {
  const text = [
    `<text class="name" x="${x + 12}" y="${y + 21}">${xml(step.name)}</text>`,
    ...linesOf(step).map(
      (line, i) =>
        `<text class="dim" x="${x + 12}" y="${y + 21 + LINE * (i + 1)}"><title>${xml(line)}</title>${xml(clip(line, 38))}</text>`,
    ),
  ];
  return `<g><rect x="${x}" y="${y}" width="${WIDTH}" height="${height}" rx="8"/>${text.join('')}</g>`;
}

function pill(x: number, y: number, text: string): string {
  const width = Math.max(90, text.length * 7 + 28);
  return `<g><rect class="pill" x="${x - width / 2}" y="${y - 14}" width="${width}" height="28" rx="14"/><text x="${x}" y="${y + 5}" text-anchor="middle">${xml(text)}</text></g>`;
}

function arrow([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number], isConditional: boolean): string {
  const middle = (y1 + y2) / 2;
  return `<path${isConditional ? ' class="maybe"' : ''} d="M${x1} ${y1} C${x1} ${middle} ${x2} ${middle} ${x2} ${y2 - 2}" marker-end="url(#head)"/>`;
}

function clip(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
