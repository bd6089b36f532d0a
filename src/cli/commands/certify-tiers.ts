import type { ByModel, LadderAnswer, LadderRow, TierMethod } from '../../certify/index.ts';
import { type CertifyMethod, type NanoUsd, nanoUsd, SmallfirstError } from '../../core/index.ts';
import { type Fields, type JsonRow, readJsonRows } from './certify-row.ts';
import { SignalChoice } from './certify-signals.ts';

/** A file of answers by a whole ladder. */
export interface TierFile {
  /** Names in the order of the file, cheapest first. */
  readonly models: readonly string[];
  readonly rows: readonly LadderRow[];
  /** The signal that each model's confidence is; null where it is plain `confidence`, or none. */
  readonly signals: ByModel<string | null>;
}

export interface TierFileOptions {
  readonly signal: string | undefined;
  readonly abort: AbortSignal | undefined;
}

/** Reads rows with a `models` map from JSON Lines. Throws INPUT_NOT_FOUND, or INPUT_INVALID with the line and what is wrong with it; ABORTED when interrupted. */
export async function readTiers(path: string, options: TierFileOptions): Promise<TierFile> {
  const readers: TierReader[] = [];
  const read = (row: JsonRow) => {
    if (readers.length === 0) readers.push(new TierReader(row, options.signal));
    return readers[0]!.row(row);
  };
  const rows = await readJsonRows(path, read, { nothing: 'the file holds no rows', abort: options.abort });
  const { models, signals } = readers[0]!;
  requireSignal([...signals.values()], { name: options.signal, path });
  return { models, rows, signals: Object.fromEntries([...signals].map(([model, choice]) => [model, choice.name])) };
}

/** The method for a ladder. Throws USAGE for Clopper-Pearson, which gives no credit for gains. */
export function tierMethod(method: CertifyMethod): TierMethod {
  if (method !== 'clopper-pearson') return method;
  throw new SmallfirstError(
    'USAGE',
    'a ladder is certified with --method score or evalue: clopper-pearson weighs one threshold’s losses only',
  );
}

/** Throws INPUT_INVALID when a signal was named that no model carries. */
function requireSignal(choices: readonly SignalChoice[], asked: { readonly name: string | undefined; readonly path: string }): void {
  const missing = choices.map((choice) => choice.missing());
  if (missing.some((others) => others === null)) return;
  const carried = [...new Set(missing.flatMap((others) => others ?? []))];
  const text = carried.length === 0 ? 'there are no signals at all' : `models carry ${carried.join(', ')}`;
  throw new SmallfirstError('INPUT_INVALID', `no model has the signal ${asked.name}: ${text}`, { position: { file: asked.path } });
}

/** Reads rows against the ladder that the first one names. */
class TierReader {
  readonly models: readonly string[];
  /** One per model below the ceiling. */
  readonly signals: ReadonlyMap<string, SignalChoice>;

  constructor(first: JsonRow, signal: string | undefined) {
    this.models = Object.keys(first.object(first.fields.models, 'models'));
    if (this.models.length < 2) first.fail('models must name at least two models, cheapest first; the last is the ceiling');
    const number = this.models.find((name) => /^(0|[1-9]\d*)$/.test(name));
    if (number !== undefined) first.fail(`models.${number}: a name that is a whole number loses its place in a JSON object, use another`);
    this.signals = new Map(this.models.slice(0, -1).map((model) => [model, new SignalChoice(signal)]));
  }

  row(row: JsonRow): LadderRow {
    const answers = row.object(row.fields.models, 'models');
    const names = Object.keys(answers);
    if (names.length !== this.models.length || names.some((name, i) => name !== this.models[i])) {
      row.fail(`models must be ${this.models.join(', ')} in this order, as in the first row, not ${names.join(', ')}`);
    }
    return { ...row.head(), answers: this.models.map((model) => this.#answer(row, row.object(answers[model], `models.${model}`), model)) };
  }

  #answer(row: JsonRow, fields: Fields, model: string): LadderAnswer {
    const path = `models.${model}`;
    const uncached = row.optional(fields, `${path}.uncachedCostUsd`, { most: 1e6 });
    // What the ceiling says of itself decides nothing: it takes whatever reaches it.
    const confidence = this.signals.get(model)?.confidenceOf(row, fields, path) ?? null;
    return {
      ...row.side(fields, path),
      ...(uncached === null ? {} : { uncachedCost: nanoUsd(uncached) as NanoUsd }),
      ...(confidence === null ? {} : { confidence }),
    };
  }
}
