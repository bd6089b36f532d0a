import { signalsOf, signalValues } from '../confidence/index.ts';
import type { CaptureConfig, TaskConfig } from '../config/index.ts';
import { type Answer, type Call, type EpochMs, type Json, type ModelRequest, type Output, textOf } from '../core/index.ts';
import { type BoundMetric, parseMetric, validateOutput } from '../metrics/index.ts';
import { captureBody, redact } from '../run/index.ts';
import type { StoredPair } from '../store/types.ts';
import { holds } from './cascade-request.ts';
import type { Side } from './live-types.ts';

/** Everything that a pair says beside its two answers. */
export interface PairSetting {
  /** No other pair of the task has it. */
  readonly id: string;
  readonly requestId: string;
  readonly at: EpochMs;
  readonly task: TaskConfig;
  /** Names in the registry. */
  readonly small: string;
  readonly big: string;
  readonly drawn: 'uniform' | 'audit';
  readonly inclusion: number;
  readonly certificate: string | null;
  readonly confidence: number | null;
  readonly skip: boolean;
  readonly fingerprint: string | null;
  /** What stands for the version of a row's model where the answer names none. */
  readonly askedAs: (row: Call) => string;
  readonly request: ModelRequest;
  /** What is kept of texts where the task says nothing of that. */
  readonly capture: CaptureConfig;
}

/** The two qualities of a pair, 0..1, and who says so. */
export interface Qualities {
  readonly small: number;
  readonly big: number;
  readonly by: string;
}

/**
 * Quality by agreement: the ceiling's answer is taken to be right, and the task's metric scores the small one against it. A ceiling's
 * answer that is none counts 0, and so does the small one beside it, because nothing says whether that is right. Null where agreement
 * says nothing: for texts, and for turns that call tools.
 */
export function agreement(task: TaskConfig, small: Answer | null, big: Answer): Qualities | null {
  const metric = metricOf(task);
  if (metric === null || big.toolCalls.length > 0 || big.stop === 'tool-call') return null;
  const expected = wholeValue(big, task.output);
  if (expected === null) return { small: 0, big: 0, by: 'agreement' };
  const { output } = task;
  const quality = (answer: Answer): number => metric.score({ answer: answer.text, expected: expected.value, output }).score;
  const isWhole = small !== null && wholeValue(small, output) !== null;
  return { small: isWhole ? quality(small) : 0, big: quality(big), by: 'agreement' };
}

const metrics = new WeakMap<TaskConfig, BoundMetric>();

function metricOf(task: TaskConfig): BoundMetric | null {
  if (task.output.kind === 'text' || task.metricSpec === null) return null;
  const known = metrics.get(task);
  if (known !== undefined) return known;
  const metric = parseMetric(task.metricSpec);
  metrics.set(task, metric);
  return metric;
}

/** What a whole, valid answer says; null for any other. */
function wholeValue(answer: Answer, output: Output): { readonly value: Json } | null {
  const isWhole = (answer.stop === 'done' || answer.stop === 'stop-sequence') && answer.refusal === null && answer.toolCalls.length === 0;
  if (!isWhole) return null;
  const { valid, value } = validateOutput(answer.text, output);
  return valid ? { value } : null;
}

/** A pair as it is kept. `small` is null where a triage left the small model out. */
export function pairOf(setting: PairSetting, small: Side | null, big: Side, qualities: Qualities): StoredPair {
  const { requestId, task, request, capture } = setting;
  const kept = captureBody(task.capture ?? capture, requestId);
  const text = (said: string): string | null => (kept === 'off' ? null : kept === 'redacted' ? redact(said) : said);
  const said = (answer: Answer): string | null => (task.output.kind === 'label' ? labelOf(answer, task.output) : null) ?? text(answer.text);
  const { output } = task;
  const served = (row: Call): string => row.servedModel ?? setting.askedAs(row);
  return {
    id: setting.id,
    task: task.name,
    small: setting.small,
    big: setting.big,
    at: setting.at,
    drawn: setting.drawn,
    inclusion: setting.inclusion,
    cluster: null,
    smallQuality: qualities.small,
    bigQuality: qualities.big,
    confidence: setting.confidence,
    signals: small === null ? {} : signalValues(signalsOf(small.answer, output, validateOutput(small.answer.text, output))),
    smallCost: small?.row.cost ?? null,
    bigCost: big.row.cost,
    smallLatencyMs: small?.row.latencyMs ?? null,
    bigLatencyMs: big.row.latencyMs,
    requestId,
    certificate: setting.certificate,
    prompt: setting.fingerprint,
    servedSmall: small === null ? null : served(small.row),
    servedBig: served(big.row),
    // Without what it showed, its text would stand for another request, equal to others and with another answer.
    input: showsMore(request) ? null : text(inputText(request)),
    smallOutput: small === null ? null : said(small.answer),
    bigOutput: said(big.answer),
    by: qualities.by,
    skip: setting.skip,
  };
}

function labelOf(answer: Answer, output: Output): string | null {
  const { valid, value } = validateOutput(answer.text, output);
  return valid && typeof value === 'string' ? value : null;
}

/** Whether its text is not all of a request: an image or a PDF is part of it. */
function showsMore(request: ModelRequest): boolean {
  return holds(request, 'image') || holds(request, 'pdf');
}

/** Whether answers to a request of a task can be graded. The judge of texts reads nothing but text. */
export function isGradable(task: TaskConfig, request: ModelRequest): boolean {
  return task.output.kind !== 'text' || !showsMore(request);
}

/** The part of a request that a triage and an embedded student read: the text of the last user message. */
export function inputText(request: ModelRequest): string {
  const last = request.messages.findLast(({ role }) => role === 'user');
  return last === undefined ? '' : textOf(last);
}
