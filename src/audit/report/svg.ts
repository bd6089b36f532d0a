/** A bar of a chart: what it is called, where it leads, and how long it is. */
export interface Bar {
  readonly label: string;
  readonly link: string;
  readonly value: number;
  /** Written behind the bar. */
  readonly note: string;
}

/** A range of a chart: from its low to its high end, with the base in between. */
export interface Range extends Omit<Bar, 'value'> {
  readonly low: number;
  readonly base: number;
  readonly high: number;
  /** Seen, not projected: drawn filled. */
  readonly isSolid: boolean;
}

const WIDTH = 800;
const LABEL = 250;
const NOTE = 150;
const ROW = 26;
const SPAN = WIDTH - LABEL - NOTE;
const AXIS = 22;

/** Text as it may stand in HTML and SVG, in attributes too. */
export function escapeMarkup(text: string): string {
  // Characters that no document may hold are shown as what they are: unreadable.
  return text
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Horizontal bars from 0, the longest first as they are given. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const rows = bars.map(({ label, link, value, note }, i) => {
    const y = i * ROW;
    const width = round((Math.max(0, value) / most) * SPAN);
    return `${labelAt(label, link, y)}<rect x="${LABEL}" y="${y + 5}" width="${width}" height="${ROW - 10}" rx="2" fill="#1f4e8c"/>${noteAt(note, LABEL + width + 6, y)}`;
  });
  return frame(title, bars.length, rows);
}

/** Low, base and high per row on one axis of dollars; 0 is marked. Filled: seen in the log. Hollow: projected. */
export function rangeChart(title: string, ranges: readonly Range[]): string {
  const least = Math.min(0, ...ranges.map(({ low }) => low));
  const most = Math.max(...ranges.map(({ high }) => high), Number.MIN_VALUE);
  const across = (value: number): number => round(LABEL + ((value - least) / (most - least)) * SPAN);
  const zero = `<line x1="${across(0)}" y1="0" x2="${across(0)}" y2="${ranges.length * ROW}" stroke="#888" stroke-dasharray="3 3"/><text x="${across(0)}" y="${ranges.length * ROW + 14}" text-anchor="middle">$0</text>`;
  const rows = ranges.map(({ label, link, low, base, high, isSolid, note }, i) => {
    const y = i * ROW + ROW / 2;
    const line = `<line x1="${across(low)}" y1="${y}" x2="${across(high)}" y2="${y}" stroke="${isSolid ? '#00602b' : '#b26a00'}" stroke-width="${isSolid ? 5 : 2}"/>`;
    const mark = `<circle cx="${across(base)}" cy="${y}" r="4.5" fill="${isSolid ? '#00602b' : '#fff'}" stroke="${isSolid ? '#00602b' : '#b26a00'}" stroke-width="2"/>`;
    return `${labelAt(label, link, i * ROW)}${line}${mark}${noteAt(note, across(high) + 9, i * ROW)}`;
  });
  return frame(title, ranges.length, [zero, ...rows]);
}

function frame(title: string, rows: number, parts: readonly string[]): string {
  const height = rows * ROW + AXIS;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escapeMarkup(title)}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui,sans-serif" font-size="12"><title>${escapeMarkup(title)}</title>${parts.join('')}</svg>`;
}

function labelAt(label: string, link: string, y: number): string {
  const shown = label.length > 38 ? `${label.slice(0, 37)}…` : label;
  return `<a href="#${escapeMarkup(link)}"><text x="${LABEL - 8}" y="${y + ROW / 2 + 4}" text-anchor="end" fill="#1f4e8c">${escapeMarkup(shown)}</text></a>`;
}

function noteAt(note: string, x: number, y: number): string {
  return `<text x="${round(x)}" y="${y + ROW / 2 + 4}" fill="#333">${escapeMarkup(note)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
