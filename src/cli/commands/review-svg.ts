import type { ReviewCurves } from '../../life/index.ts';

const SIZE = 320;
const LEFT = 44;
const BOTTOM = 36;
const TOP = 10;
const SPAN = SIZE - LEFT - 12;
const RISE = SIZE - TOP - BOTTOM;
/** A curve of more points is no finer on paper. */
const MOST_POINTS = 400;

/** Text as it may stand in HTML and SVG, in attributes too. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Equal-mass bins of confidence against quality, with their intervals and the diagonal of a calibrated model. */
export function reliabilityDiagram({ reliability }: ReviewCurves): string {
  const marks = reliability.bins.map(({ confidence, accuracy, interval }) => {
    const x = across(confidence);
    return `<line x1="${x}" y1="${up(interval.low)}" x2="${x}" y2="${up(interval.high)}" stroke="#7a9cc6"/><circle cx="${x}" cy="${up(accuracy)}" r="3" fill="#1f4e8c"/>`;
  });
  const diagonal = `<line x1="${across(0)}" y1="${up(0)}" x2="${across(1)}" y2="${up(1)}" stroke="#999" stroke-dasharray="4 3"/>`;
  return chart('Reliability diagram', ['confidence', 'quality'], [diagonal, ...marks], 1);
}

/** Mean loss among the accepted against the share accepted, with the certificate's own point. */
export function riskCoverageCurve({ riskCoverage, threshold }: ReviewCurves): string {
  const most = Math.max(0.01, ...riskCoverage.map(({ risk }) => risk));
  const step = Math.max(1, Math.ceil(riskCoverage.length / MOST_POINTS));
  const shown = riskCoverage.filter((_, i) => i % step === 0 || i === riskCoverage.length - 1);
  const points = shown.map(({ coverage, risk }) => `${across(coverage)},${up(risk / most)}`).join(' ');
  const accepted = threshold === null ? undefined : riskCoverage.findLast((point) => point.threshold >= threshold);
  const mark =
    accepted === undefined ? [] : [`<circle cx="${across(accepted.coverage)}" cy="${up(accepted.risk / most)}" r="4" fill="#a40000"/>`];
  return chart(
    'Risk–coverage curve',
    ['share accepted', 'mean loss'],
    [`<polyline points="${points}" fill="none" stroke="#1f4e8c" stroke-width="1.5"/>`, ...mark],
    most,
  );
}

function chart(title: string, [x, y]: readonly [string, string], marks: readonly string[], most: number): string {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (at) =>
      `<text x="${across(at)}" y="${SIZE - BOTTOM + 14}" text-anchor="middle">${at}</text><text x="${LEFT - 5}" y="${up(at) + 4}" text-anchor="end">${Number((at * most).toPrecision(2))}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${title}" width="${SIZE}" height="${SIZE}" viewBox="0 0 ${SIZE} ${SIZE}" font-family="sans-serif" font-size="10"><title>${title}</title><path d="M${LEFT} ${TOP}V${TOP + RISE}H${LEFT + SPAN}" fill="none" stroke="#333"/>${ticks.join('')}<text x="${LEFT + SPAN / 2}" y="${SIZE - 6}" text-anchor="middle">${x}</text><text x="10" y="${TOP + RISE / 2}" text-anchor="middle" transform="rotate(-90 10 ${TOP + RISE / 2})">${y}</text>${marks.join('')}</svg>`;
}

function across(share: number): number {
  return Math.round((LEFT + share * SPAN) * 100) / 100;
}

function up(share: number): number {
  return Math.round((TOP + (1 - share) * RISE) * 100) / 100;
}
