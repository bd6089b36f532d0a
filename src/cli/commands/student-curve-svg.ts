import type { StudentCurve } from '../../student/index.ts';

const WIDTH = 480;
const HEIGHT = 320;
const LEFT = 52;
const BOTTOM = 40;
const TOP = 12;
const SPAN = WIDTH - LEFT - 16;
const RISE = HEIGHT - TOP - BOTTOM;

/** A learning curve as an SVG document: rows on a logarithmic scale, the share right with its 95 % intervals. */
export function curveSvg({ points }: StudentCurve): string {
  const least = Math.floor(Math.min(...points.map(({ low }) => low)) * 20) / 20;
  const most = Math.min(1, Math.ceil(Math.max(...points.map(({ high }) => high)) * 20) / 20);
  const [first, last] = [Math.log(points[0]!.rows), Math.log(points.at(-1)!.rows)];
  const across = (rows: number): number => rounded(LEFT + ((Math.log(rows) - first) / Math.max(1e-9, last - first)) * SPAN);
  const up = (share: number): number => rounded(TOP + (1 - (share - least) / Math.max(1e-9, most - least)) * RISE);
  const marks = points.map(({ rows, accuracy, low, high }) => {
    const x = across(rows);
    return `<line x1="${x}" y1="${up(low)}" x2="${x}" y2="${up(high)}" stroke="#7a9cc6"/><circle cx="${x}" cy="${up(accuracy)}" r="3" fill="#1f4e8c"/><text x="${x}" y="${HEIGHT - BOTTOM + 14}" text-anchor="middle">${rows}</text>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((at) => {
    const share = least + at * (most - least);
    return `<text x="${LEFT - 6}" y="${up(share) + 4}" text-anchor="end">${(share * 100).toFixed(1)} %</text>`;
  });
  const line = points.map(({ rows, accuracy }) => `${across(rows)},${up(accuracy)}`).join(' ');
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Learning curve" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="10"><title>Learning curve</title><path d="M${LEFT} ${TOP}V${TOP + RISE}H${LEFT + SPAN}" fill="none" stroke="#333"/>${ticks.join('')}<text x="${LEFT + SPAN / 2}" y="${HEIGHT - 8}" text-anchor="middle">rows to learn from</text><polyline points="${line}" fill="none" stroke="#1f4e8c" stroke-width="1.5"/>${marks.join('')}</svg>\n`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
