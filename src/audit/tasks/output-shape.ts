import type { AuditCall } from '../types.ts';

/** What the answers of a task are: one of some labels, JSON, or free text; unknown where no answer is in the log. */
export type TaskKind = 'label' | 'json' | 'text' | 'unknown';

/** Answers that are told apart by their text; a task with more of them has no labels. */
const MOST_LABELS = 200;
const LABEL_LENGTH = 60;
const LABEL_WORDS = 6;
const PARSED = 400;
/** Counters of the words of answers: enough to tell a summary from a reply. */
const WORD_BINS = 512;

/** What is known about the form of a task's answers. */
export class OutputShape {
  outputs = 0;
  short = 0;
  characters = 0;
  calledTools = 0;
  askedForJson = 0;
  /** Answers that were cut off by a limit of tokens. */
  cut = 0;
  /** Answers that looked like JSON, and those of them that were parsed. */
  jsonLike = 0;
  parsed = 0;
  valid = 0;
  readonly labels = new Map<string, number>();
  /** Short answers whose text is beyond those that are counted. */
  otherLabels = 0;
  readonly keys = new Map<string, number>();
  readonly words = new Int32Array(WORD_BINS);

  /** Adds the answer of a call. */
  add({ output, toolCalls, responseFormat, finish }: AuditCall): void {
    if (toolCalls.length > 0) this.calledTools += 1;
    if (asksForJson(responseFormat)) this.askedForJson += 1;
    if (finish === 'length' || finish === 'max_tokens') this.cut += 1;
    if (output === null) return;
    const text = output.trim();
    if (text === '') return;
    this.outputs += 1;
    this.characters += text.length;
    if (this.outputs <= 2_000) countWords(text, this.words);
    if (text.startsWith('{') || text.startsWith('[') || text.startsWith('```json')) {
      this.jsonLike += 1;
      if (this.parsed < PARSED) this.#parse(text);
    } else if (isShort(text)) {
      this.short += 1;
      this.#count(normalLabel(text), 1);
    }
  }

  /** The kind, by what most answers look like. */
  get kind(): TaskKind {
    const answered = this.outputs + this.calledTools;
    if (answered === 0) return this.askedForJson > 0 ? 'json' : 'unknown';
    if (this.jsonLike + this.calledTools >= answered * 0.8) return 'json';
    if (this.askedForJson >= answered * 0.8) return 'json';
    if (this.short >= this.outputs * 0.9 && this.#repeats()) return 'label';
    return 'text';
  }

  /** Distinct labels by how often they are answered, those first that nearly all answers are. */
  get commonLabels(): readonly string[] {
    const sorted = [...this.labels].sort((a, b) => b[1] - a[1]);
    const least = Math.max(2, this.short * 0.001);
    const common = sorted.filter(([, n]) => n >= least);
    return (common.length >= 2 ? common : sorted).map(([label]) => label);
  }

  /** Takes over another shape. */
  merge(other: OutputShape): void {
    for (const key of COUNTS) this[key] += other[key];
    for (const [label, n] of other.labels) this.#count(label, n);
    for (const [key, n] of other.keys) this.keys.set(key, (this.keys.get(key) ?? 0) + n);
    for (const [bin, n] of other.words.entries()) this.words[bin] = (this.words[bin] ?? 0) + n;
  }

  /** Few different answers for many calls; a handful of calls may well have an answer each. */
  #repeats(): boolean {
    if (this.otherLabels > this.short * 0.02) return false;
    return this.labels.size <= Math.max(2, this.short * 0.8) || this.short < 8;
  }

  #count(label: string, n: number): void {
    const known = this.labels.get(label);
    if (known === undefined && this.labels.size >= MOST_LABELS) this.otherLabels += n;
    else this.labels.set(label, (known ?? 0) + n);
  }

  #parse(text: string): void {
    this.parsed += 1;
    try {
      const value: unknown = JSON.parse(text.replace(/^```json\s*|\s*```$/g, ''));
      this.valid += 1;
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
      for (const key of Object.keys(value)) {
        if (this.keys.has(key) || this.keys.size < MOST_LABELS) this.keys.set(key, (this.keys.get(key) ?? 0) + 1);
      }
    } catch {
      // Counted as parsed and not valid.
    }
  }
}

const COUNTS = [
  'outputs',
  'short',
  'characters',
  'calledTools',
  'askedForJson',
  'cut',
  'jsonLike',
  'parsed',
  'valid',
  'otherLabels',
] as const;

/**
 * Whether two shapes can be of one task: the same kind, and labels, keys or words that agree. Shapes without answers agree with all.
 */
export function areCompatible(a: OutputShape, b: OutputShape): boolean {
  const [one, other] = [a.kind, b.kind];
  if (one === 'unknown' || other === 'unknown') return true;
  if (one !== other) return false;
  if (one === 'label') return overlap(a.commonLabels.slice(0, 50), b.commonLabels.slice(0, 50)) >= 0.5;
  if (one === 'json' && a.keys.size > 0 && b.keys.size > 0) return overlap([...a.keys.keys()], [...b.keys.keys()]) >= 0.5;
  return affinity(a.words, b.words) >= 0.7;
}

/** Whether two shapes are surely of one task: three or more labels that are the same, the same JSON members, or texts in the same words. */
export function agree(a: OutputShape, b: OutputShape): boolean {
  if (a.kind !== b.kind) return false;
  const [labelsA, labelsB] = [a.commonLabels.slice(0, 50), b.commonLabels.slice(0, 50)];
  if (a.kind === 'label') return Math.min(labelsA.length, labelsB.length) >= 3 && overlap(labelsA, labelsB) >= 0.9;
  if (a.kind === 'json') return a.keys.size > 0 && b.keys.size > 0 && overlap([...a.keys.keys()], [...b.keys.keys()]) >= 0.9;
  return a.kind === 'text' && affinity(a.words, b.words) >= 0.9;
}

/** Shared members over the members of the smaller list. */
function overlap(a: readonly string[], b: readonly string[]): number {
  const known = new Set(a);
  const shared = b.filter((item) => known.has(item)).length;
  return shared / Math.max(1, Math.min(a.length, b.length));
}

/** Bhattacharyya coefficient of two histograms: 1 for equal shares, 0 for nothing in common. */
function affinity(a: Int32Array, b: Int32Array): number {
  const all = (bins: Int32Array): number => bins.reduce((sum, n) => sum + n, 0);
  const [ofA, ofB] = [all(a), all(b)];
  if (ofA === 0 || ofB === 0) return 1;
  return a.reduce((sum, n, i) => sum + Math.sqrt((n / ofA) * ((b[i] ?? 0) / ofB)), 0);
}

function countWords(text: string, bins: Int32Array): void {
  let hash = 0;
  let length = 0;
  const end = Math.min(text.length, 1_000);
  for (let i = 0; i <= end; i += 1) {
    const code = i < end ? text.charCodeAt(i) | 32 : 32;
    if (code > 32 && code !== 44 && code !== 46) {
      hash = (Math.imul(hash, 31) + code) | 0;
      length += 1;
    } else if (length > 0) {
      const bin = (Math.imul(hash, 0x9e3779b1) >>> 0) % WORD_BINS;
      bins[bin] = (bins[bin] ?? 0) + 1;
      [hash, length] = [0, 0];
    }
  }
}

function asksForJson(format: AuditCall['responseFormat']): boolean {
  if (format === null || typeof format !== 'object' || Array.isArray(format)) return false;
  const type = (format as { readonly type?: unknown }).type;
  return typeof type === 'string' ? type !== 'text' : true;
}

function isShort(text: string): boolean {
  return text.length <= LABEL_LENGTH && !text.includes('\n') && text.split(/\s+/).length <= LABEL_WORDS;
}

function normalLabel(text: string): string {
  return text.replace(/^["'`*]+|["'`*.!]+$/g, '');
}
