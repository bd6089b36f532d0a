/** What a bench wrote, as far as the block needs it. */
interface Result<T> {
  readonly date: string;
  readonly figures: T;
}

interface Killed {
  readonly kills: number;
  readonly same: boolean;
  readonly recordedCalls: number;
}

/** Figures of bench/batch. */
export interface BatchFigures {
  readonly source: { readonly rows: number; readonly labels: number };
  readonly speed: {
    readonly rowsPerSecond: number;
    readonly cpuMicrosecondsPerRow: number;
    readonly peakMb: number;
    readonly recordedCalls: number;
  };
  readonly killed: { readonly ordered: Killed; readonly unordered: Killed };
  readonly aimd: { readonly perSecond: number; readonly shareOfLimit: number; readonly refusedShare: number; readonly failed: number };
}

/** Bulk work as a table. */
export function bulkBlock({ date, figures }: Result<BatchFigures>): string {
  const { source, speed, killed, aimd } = figures;
  const count = (n: number) => Math.round(n).toLocaleString('en-US');
  const percent = (share: number, digits = 0) => `${(share * 100).toFixed(digits)} %`;
  const outcome = ({ kills, same }: Killed) => `${kills} kills, ${same ? 'the same' : 'NOT the same'}`;
  const rows: readonly (readonly [string, string])[] = [
    [
      `${count(source.rows)} rows through an embedded student of ${source.labels} labels, each recorded`,
      `${count(speed.rowsPerSecond)} rows/s; ${speed.cpuMicrosecondsPerRow.toFixed(0)} µs of processor time a row; ${speed.peakMb.toFixed(0)} MB at most; ${count(speed.recordedCalls)} calls in the store`,
    ],
    [
      'kill -9 at random moments, then `--resume`: the output beside that of an uninterrupted run',
      `\`--ordered\`, byte for byte: ${outcome(killed.ordered)}; without it, as a set: ${outcome(killed.unordered)}; calls in the store: ${count(killed.ordered.recordedCalls)} and ${count(killed.unordered.recordedCalls)}`,
    ],
    [
      `A provider that allows ${aimd.perSecond} requests a second`,
      `${percent(aimd.shareOfLimit)} of that used, ${percent(aimd.refusedShare)} refused on the way, ${aimd.failed} rows failed`,
    ],
  ];
  return [
    '| `npm run bench:batch` | figure |',
    '|---|---|',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `Measured ${date.slice(0, 10)} on one machine of 2 cores, shared; the provider is simulated.`,
  ].join('\n');
}
