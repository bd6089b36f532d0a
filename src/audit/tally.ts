import { addUsage, addUsd, type EpochMs, type NanoUsd, SmallfirstError, ZERO_USD } from '../core/index.ts';
import type { AuditCall, AuditTotal, DaySpend, ReadError, SkippedRows, UnpricedCalls, UsageFlag } from './types.ts';

/** Where a row is. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Hostile logs make up reasons and names: past this many, the rest is counted together. */
const MAX_KINDS = 200;
const MAX_CELLS = 100_000;

/** Counts things by kind, with the first place of each. */
class Kinds {
  readonly #kinds = new Map<string, { count: number; first: Place }>();

  add(kind: string, place: Place, count = 1): void {
    const known = this.#kinds.get(kind) ?? (this.#kinds.size >= MAX_KINDS ? this.#kinds.get(OTHERS) : undefined);
    if (known !== undefined) known.count += count;
    else this.#kinds.set(this.#kinds.size >= MAX_KINDS ? OTHERS : kind, { count, first: place });
  }

  list<T>(make: (kind: string, count: number, first: Place) => T): readonly T[] {
    return [...this.#kinds].map(([kind, { count, first }]) => make(kind, count, first));
  }
}

const OTHERS = 'other reasons';

/** Rows of one file, or of all. */
export class RowTally {
  read = 0;
  kept = 0;
  joined = 0;
  readonly #skipped = new Kinds();

  skip(reason: string, place: Place): void {
    this.#skipped.add(reason, place);
  }

  /** What was counted so far. */
  counts() {
    const skipped: readonly SkippedRows[] = this.#skipped.list((reason, count, first) => ({ reason, count, firstLine: lineOf(first) }));
    return { read: this.read, kept: this.kept, joined: this.joined, skipped };
  }
}

/** Adds exactly. Throws INPUT_INVALID past $9.0 million, where integers stop being exact. */
function summed(a: NanoUsd, b: NanoUsd): NanoUsd {
  try {
    return addUsd(a, b);
  } catch (cause) {
    throw new SmallfirstError(
      'INPUT_INVALID',
      'the spend of these files is past $9.0 million, which is as far as sums are exact: audit fewer files at a time',
      { cause },
    );
  }
}

/** `FILE:LINE`. */
export function lineOf(place: Place): string {
  return `${place.file}:${place.line}`;
}

interface Cell {
  calls: number;
  unpricedCalls: number;
  cost: NanoUsd;
  reportedCost: NanoUsd;
}

/** Sums over everything that was read. Flat: by day, provider and model, not by call. */
export class AuditTally {
  readonly rows = new RowTally();
  calls = 0;
  unpricedCalls = 0;
  cost: NanoUsd = ZERO_USD;
  reportedCost: NanoUsd = ZERO_USD;
  firstAt: EpochMs | null = null;
  lastAt: EpochMs | null = null;
  readonly #cells = new Map<string, Cell>();
  readonly #unpriced = new Map<string, UnpricedCalls & { calls: number }>();
  readonly #flags = new Kinds();
  readonly #errors = new Map<string, ReadError & { count: number }>();
  readonly #totals = new Map<string, AuditTotal>();
  #dayNumber = Number.NaN;
  #day = '';

  call(call: AuditCall, pricedModel: string): void {
    this.calls += 1;
    const cost = call.cost ?? ZERO_USD;
    this.cost = summed(this.cost, cost);
    this.reportedCost = summed(this.reportedCost, call.reportedCost ?? ZERO_USD);
    if (call.at !== null) {
      if (this.firstAt === null || call.at < this.firstAt) this.firstAt = call.at;
      if (this.lastAt === null || call.at > this.lastAt) this.lastAt = call.at;
    }
    const cell = this.#cell(`${call.at === null ? '' : this.#dayOf(call.at)}\n${call.provider ?? ''}\n${pricedModel}`);
    cell.calls += 1;
    cell.cost = summed(cell.cost, cost);
    cell.reportedCost = summed(cell.reportedCost, call.reportedCost ?? ZERO_USD);
    if (call.unpriced === null) return;
    this.unpricedCalls += 1;
    cell.unpricedCalls += 1;
    this.#unpricedCall(call, call.unpriced, pricedModel);
  }

  flag(sentence: string, place: Place): void {
    // Counts differ from row to row; what is odd about them does not.
    this.#flags.add(sentence.replace(/\d[\d.]*/g, 'N'), place);
  }

  error(file: string, line: number | null, message: string): void {
    const key = `${file}\n${message}`;
    const known = this.#errors.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#errors.size < MAX_KINDS) this.#errors.set(key, { file, line, message, count: 1 });
  }

  total(total: AuditTotal): void {
    const key = [total.source, this.#dayOf(total.from), total.provider, total.model, total.serviceTier, total.item, total.group].join('\n');
    const known = this.#totals.get(key);
    if (known === undefined) {
      if (this.#totals.size < MAX_CELLS) this.#totals.set(key, total);
      return;
    }
    this.#totals.set(key, {
      ...known,
      from: Math.min(known.from, total.from),
      to: known.to === null || total.to === null ? null : Math.max(known.to, total.to),
      requests: known.requests === null ? total.requests : known.requests + (total.requests ?? 0),
      usage: known.usage === null || total.usage === null ? (known.usage ?? total.usage) : addUsage(known.usage, total.usage),
      charged: known.charged === null || total.charged === null ? (known.charged ?? total.charged) : summed(known.charged, total.charged),
      // A part without a price makes the whole unpriced.
      cost: known.cost === null || total.cost === null ? null : summed(known.cost, total.cost),
    });
  }

  unpriced(): readonly UnpricedCalls[] {
    return [...this.#unpriced.values()].sort((a, b) => b.calls - a.calls || (a.model < b.model ? -1 : 1));
  }

  flags(): readonly UsageFlag[] {
    return this.#flags.list((sentence, count, first) => ({ sentence, count, firstLine: lineOf(first) }));
  }

  errors(): readonly ReadError[] {
    return [...this.#errors.values()];
  }

  totals(): readonly AuditTotal[] {
    return [...this.#totals.values()];
  }

  byDay(): readonly DaySpend[] {
    const cells = [...this.#cells].map(([key, cell]): DaySpend => {
      const [day = '', provider = '', model = ''] = key.split('\n');
      return { day: day === '' ? null : day, provider: provider === '' ? null : provider, model, ...cell };
    });
    const order = (cell: DaySpend) => `${cell.day ?? ''}\n${cell.provider ?? ''}\n${cell.model}`;
    return cells.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }

  #cell(key: string): Cell {
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const isFull = this.#cells.size >= MAX_CELLS;
    const own = isFull ? `${key.split('\n')[0]}\n\nothers` : key;
    const cell = this.#cells.get(own) ?? { calls: 0, unpricedCalls: 0, cost: ZERO_USD, reportedCost: ZERO_USD };
    this.#cells.set(own, cell);
    return cell;
  }

  #unpricedCall(call: AuditCall, reason: NonNullable<AuditCall['unpriced']>, model: string): void {
    const key = `${reason}\n${call.provider ?? ''}\n${model}`;
    const known = this.#unpriced.get(key) ?? (this.#unpriced.size >= MAX_KINDS ? this.#unpriced.get(OTHERS) : undefined);
    if (known !== undefined) known.calls += 1;
    else if (this.#unpriced.size >= MAX_KINDS)
      this.#unpriced.set(OTHERS, { reason, provider: null, model: 'others', calls: 1, firstLine: lineOf(call) });
    else this.#unpriced.set(key, { reason, provider: call.provider, model, calls: 1, firstLine: lineOf(call) });
  }

  /** The day of a time; rows of one day come together. */
  #dayOf(at: EpochMs): string {
    const number = Math.floor(at / 86_400_000);
    if (number !== this.#dayNumber) {
      this.#dayNumber = number;
      this.#day = new Date(number * 86_400_000).toISOString().slice(0, 10);
    }
    return this.#day;
  }
}
