import { addUsage, addUsd, type EpochMs, inputTotal, type NanoUsd, NO_USAGE, type Usage, ZERO_USD } from '../../core/index.ts';
import type { AuditCall } from '../types.ts';
import { OutputShape } from './output-shape.ts';
import { RepeatedInputs } from './repeated-inputs.ts';
import { Sample } from './sample.ts';

/** Sums of the calls that one model answered. */
export interface ModelSums {
  readonly provider: string | null;
  readonly model: string;
  readonly calls: number;
  readonly unpricedCalls: number;
  readonly cost: NanoUsd;
  readonly usage: Usage;
}

/** Models of one task that are told apart; a log with more names than that holds names that nobody can count. */
const MOST_MODELS = 200;
const SAMPLED = 500;

/** Everything that is known about the calls of one task. Its memory does not grow with the calls. */
export class TaskProfile {
  calls = 0;
  errors = 0;
  cachedCalls = 0;
  unpricedCalls = 0;
  cost: NanoUsd = ZERO_USD;
  usage: Usage = NO_USAGE;
  /** Calls with token counts. */
  counted = 0;
  /** Calls of the batch tier, and with tools, or with several turns of a user. */
  batched = 0;
  withTools = 0;
  severalTurns = 0;
  withTemperature = 0;
  atZero = 0;
  firstAt: EpochMs | null = null;
  lastAt: EpochMs | null = null;
  /** Ordinal numbers of the first and the last call, for logs without times. */
  first = Number.POSITIVE_INFINITY;
  last = -1;
  /** `FILE:LINE` of the first call. */
  firstLine = '';
  readonly models = new Map<string, ModelSums>();
  readonly inputTokens = new Sample(SAMPLED);
  readonly outputTokens = new Sample(SAMPLED);
  readonly latencyMs = new Sample(SAMPLED);
  /** Times of the calls; their ordinal numbers where the log has no times. */
  readonly when = new Sample(SAMPLED);
  readonly hours = new Int32Array(24);
  readonly shape = new OutputShape();
  readonly repeats = new RepeatedInputs();
  readonly texts: string[] = [];
  /** The longest beginning that all system prompts share; null before the first. */
  prefix: string | null = null;
  /** Characters of all texts of the calls that `prefix` is about. */
  characters = 0;
  prompts = 0;

  /** Adds a call; `ordinal` counts the calls of the whole log. */
  add(call: AuditCall, ordinal: number): void {
    if (this.calls === 0) this.firstLine = `${call.file}:${call.line}`;
    this.calls += 1;
    this.first = Math.min(this.first, ordinal);
    this.last = Math.max(this.last, ordinal);
    if (call.status === 'error') this.errors += 1;
    if (call.status === 'cached') this.cachedCalls += 1;
    if (call.cost === null) this.unpricedCalls += 1;
    else this.cost = addUsd(this.cost, call.cost);
    if (call.serviceTier === 'batch') this.batched += 1;
    if (call.tools.length > 0) this.withTools += 1;
    if (call.userTexts.length > 1) this.severalTurns += 1;
    this.when.add(call.at ?? ordinal);
    this.#time(call);
    this.#tokens(call);
    this.#prompt(call);
    this.shape.add(call);
    this.repeats.add(call);
  }

  #time({ at, latencyMs, params }: AuditCall): void {
    if (at !== null) {
      this.firstAt = this.firstAt === null ? at : Math.min(this.firstAt, at);
      this.lastAt = this.lastAt === null ? at : Math.max(this.lastAt, at);
      const hour = Math.floor(at / 3_600_000) % 24;
      this.hours[hour] = (this.hours[hour] ?? 0) + 1;
    }
    if (latencyMs !== null) this.latencyMs.add(latencyMs);
    if (params.temperature !== null) {
      this.withTemperature += 1;
      if (params.temperature === 0) this.atZero += 1;
    }
  }

  #tokens(call: AuditCall): void {
    const usage = call.usage ?? NO_USAGE;
    if (call.usage !== null) {
      this.counted += 1;
      this.usage = addUsage(this.usage, usage);
      this.inputTokens.add(inputTotal(usage));
      this.outputTokens.add(usage.output);
    }
    const model = call.servedModel ?? call.model;
    const key = `${call.provider ?? ''}\u0000${model}`;
    const known = this.models.get(key);
    if (known === undefined && this.models.size >= MOST_MODELS) return;
    const { calls = 0, unpricedCalls = 0, cost = ZERO_USD, usage: before = NO_USAGE } = known ?? {};
    this.models.set(key, {
      provider: call.provider,
      model,
      calls: calls + 1,
      unpricedCalls: unpricedCalls + (call.cost === null ? 1 : 0),
      cost: addUsd(cost, call.cost ?? ZERO_USD),
      usage: addUsage(before, usage),
    });
  }

  #prompt({ system, userTexts }: AuditCall): void {
    const [user = ''] = userTexts;
    const lead = system ?? user;
    if (lead === '') return;
    this.prompts += 1;
    this.characters += (system ?? '').length + userTexts.reduce((n, text) => n + text.length, 0);
    this.prefix = this.prefix === null ? lead : commonBeginning(this.prefix, lead);
    if (this.texts.length < 40) this.texts.push(user.slice(0, 2_000));
  }

  /** The tokens at the beginning of the prompt that never change, as a share of the text of the mean call; null without prompts. */
  get staticShare(): number | null {
    if (this.prompts < 2 || this.characters === 0) return null;
    return Math.min(1, ((this.prefix ?? '').length * this.prompts) / this.characters);
  }

  /** Takes over everything of another profile, which was about other calls of the same task. */
  merge(other: TaskProfile): void {
    if (this.first > other.first) this.firstLine = other.firstLine;
    for (const key of SUMS) this[key] += other[key];
    this.cost = addUsd(this.cost, other.cost);
    this.usage = addUsage(this.usage, other.usage);
    this.first = Math.min(this.first, other.first);
    this.last = Math.max(this.last, other.last);
    this.firstAt = this.firstAt === null ? other.firstAt : Math.min(this.firstAt, other.firstAt ?? this.firstAt);
    this.lastAt = this.lastAt === null ? other.lastAt : Math.max(this.lastAt, other.lastAt ?? this.lastAt);
    for (const [hour, n] of other.hours.entries()) this.hours[hour] = (this.hours[hour] ?? 0) + n;
    for (const name of ['inputTokens', 'outputTokens', 'latencyMs', 'when'] as const) this[name].merge(other[name]);
    for (const [key, sums] of other.models) {
      const known = this.models.get(key);
      this.models.set(key, known === undefined ? sums : addModels(known, sums));
    }
    this.shape.merge(other.shape);
    this.repeats.merge(other.repeats);
    this.texts.push(...other.texts.slice(0, Math.max(0, 40 - this.texts.length)));
    if (other.prefix !== null) this.prefix = this.prefix === null ? other.prefix : commonBeginning(this.prefix, other.prefix);
  }
}

const SUMS = [
  'calls',
  'errors',
  'cachedCalls',
  'unpricedCalls',
  'counted',
  'batched',
  'withTools',
  'severalTurns',
  'withTemperature',
  'atZero',
  'characters',
  'prompts',
] as const;

function addModels(a: ModelSums, b: ModelSums): ModelSums {
  return {
    ...a,
    calls: a.calls + b.calls,
    unpricedCalls: a.unpricedCalls + b.unpricedCalls,
    cost: addUsd(a.cost, b.cost),
    usage: addUsage(a.usage, b.usage),
  };
}

function commonBeginning(a: string, b: string): string {
  if (a === b || b.startsWith(a)) return a;
  let n = 0;
  while (n < a.length && a.charCodeAt(n) === b.charCodeAt(n)) n += 1;
  return a.slice(0, n);
}
