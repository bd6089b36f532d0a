import { type CertifyMethod, type Pair, SmallfirstError } from '../../core/index.ts';
import { type JsonRow, readJsonRows } from './certify-row.ts';
import { SignalChoice } from './certify-signals.ts';

export interface ReadPairsOptions {
  readonly abort?: AbortSignal;
  readonly signals?: SignalChoice;
  /** Takes up who gave the qualities, as rows say it in `by`: `judge:<model>`, `label`, `agreement`. */
  readonly scorers?: Set<string>;
}

/** Reads pairs from JSON Lines, a chunk at a time. Throws INPUT_NOT_FOUND, or INPUT_INVALID with the line and what is wrong with it; ABORTED when interrupted. */
export async function readPairs(path: string, method: CertifyMethod, options: ReadPairsOptions = {}): Promise<Pair[]> {
  const { abort, signals = new SignalChoice(), scorers = new Set() } = options;
  const read = (row: JsonRow): Pair => {
    const { by } = row.fields;
    if (typeof by === 'string') scorers.add(by);
    return readPair(row, method, signals);
  };
  const pairs = await readJsonRows(path, read, { nothing: 'the file holds no pairs', abort });
  requireSignal(signals, path);
  return pairs;
}

/** Throws INPUT_INVALID when a signal was named that no row carries: a slip of the pen, not a file without confidences. */
export function requireSignal(signals: SignalChoice, path: string): void {
  const others = signals.missing();
  if (others === null) return;
  const carried = others.length === 0 ? 'there are no signals at all' : `rows carry ${others.join(', ')}`;
  throw new SmallfirstError('INPUT_INVALID', `no row has the signal ${signals.name}: ${carried}`, { position: { file: path } });
}

function readPair(row: JsonRow, method: CertifyMethod, signals: SignalChoice): Pair {
  if (row.fields.models !== undefined && row.fields.small === undefined) {
    row.fail('this row compares models, not small and big: certify such a file with --tiers');
  }
  const small = row.object(row.fields.small, 'small');
  const big = row.object(row.fields.big, 'big');
  const confidence = signals.confidenceOf(row, small, 'small');
  const pair: Pair = {
    ...row.head(),
    small: { ...row.side(small, 'small'), ...(confidence === null ? {} : { confidence }) },
    big: row.side(big, 'big'),
  };
  if (method === 'clopper-pearson') {
    row.requireBinary(pair.small.quality, 'small');
    row.requireBinary(pair.big.quality, 'big');
  }
  return pair;
}
