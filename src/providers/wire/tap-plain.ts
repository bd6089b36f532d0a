import { isList, isObject, parseJson } from '../codecs/shape.ts';
import type { JsonObject } from '../codecs/types.ts';
import { skipValue } from './json-members.ts';
import { splice } from './splice.ts';
import { Findings } from './tap-findings.ts';
import { isBraced, readResponseObject } from './tap-frames.ts';
import { hiddenLogprobs } from './tap-hiding.ts';
import { NO_BYTES, type Tap, type TapOptions, type TapReport } from './tap-types.ts';

/**
 * Listens to a plain answer. Its bytes pass at once (they wait for the end only where log-probabilities are hidden) and are parsed
 * once when they are whole: for answers of usual length that costs a third of walking them member by member.
 */
export class PlainTap implements Tap {
  readonly edits: boolean;
  readonly #options: TapOptions;
  readonly #findings: Findings;
  #chunks: Buffer[] = [];
  /** Asked for several times, and made once: until the end nothing is known, and after it nothing changes. */
  #report: TapReport | null = null;

  constructor(options: TapOptions) {
    this.#options = options;
    this.#findings = new Findings(options.protocol);
    this.edits = options.hideLogprobs === true && options.protocol !== 'openai-embeddings' && options.protocol !== 'anthropic-messages';
  }

  push(chunk: Buffer): Buffer {
    this.#chunks.push(chunk);
    return this.edits ? NO_BYTES : chunk;
  }

  end(): Buffer {
    this.#report = null;
    const chunks = this.#chunks;
    this.#chunks = [];
    const body = chunks.length === 1 ? (chunks[0] ?? NO_BYTES) : Buffer.concat(chunks);
    if (this.#options.protocol === 'openai-embeddings') readEmbeddings(body, this.#findings);
    else {
      // What is not JSON, or only half of it, tells nothing: `complete` stays false.
      const json = parseJson(body.toString('utf8'));
      if (isObject(json)) readBody(json, this.#findings, this.#options);
      this.#findings.legible = isObject(json) && isList(json[LISTS[this.#options.protocol]]);
    }
    return this.edits ? splice(body, hiddenLogprobs(body, this.#options)) : NO_BYTES;
  }

  get ended(): boolean {
    return false;
  }

  report(): TapReport {
    this.#report ??= this.#findings.report();
    return this.#report;
  }
}

/** What an answer of each protocol holds, whatever else it holds. */
const LISTS: Readonly<Record<Exclude<TapOptions['protocol'], 'openai-embeddings'>, string>> = {
  'openai-chat': 'choices',
  'openai-completions': 'choices',
  'openai-responses': 'output',
  'anthropic-messages': 'content',
};

function readBody(body: JsonObject, findings: Findings, options: TapOptions): void {
  if (typeof body.model === 'string') findings.servedModel = body.model;
  if (typeof body.id === 'string') findings.upstreamId = body.id;
  if (typeof body.system_fingerprint === 'string') findings.fingerprint = body.system_fingerprint;
  if (typeof body.service_tier === 'string') findings.serviceTier = body.service_tier;
  findings.usage(body.usage);
  findings.fail(body.error);
  switch (options.protocol) {
    case 'anthropic-messages':
      findings.stop(body.stop_reason);
      findings.complete = findings.stopped;
      if (isObject(body.usage) && typeof body.usage.service_tier === 'string') findings.serviceTier = body.usage.service_tier;
      if (!findings.countsOutput) tellText(body.content, options);
      return;
    case 'openai-responses':
      readResponse(body, findings, options);
      return;
    default:
      readChoices(body, findings, options);
  }
}

function readResponse(body: JsonObject, findings: Findings, options: TapOptions): void {
  readResponseObject(body, findings);
  if (!findings.countsOutput) tellText(body.output, options);
  if (!options.readLogprobs || !isList(body.output)) return;
  for (const item of body.output) {
    if (!isObject(item) || !isList(item.content)) continue;
    for (const part of item.content) if (isObject(part)) findings.logprobs(part.logprobs);
  }
}

function readChoices(body: JsonObject, findings: Findings, options: TapOptions): void {
  const choice = isList(body.choices) ? body.choices[0] : undefined;
  if (!isObject(choice)) return;
  findings.stop(choice.finish_reason);
  findings.complete = findings.stopped;
  if (options.readLogprobs && isObject(choice.logprobs)) findings.logprobs(choice.logprobs.content);
  if (!findings.countsOutput) tellText(choice.message ?? choice.text, options);
}

const USAGE_KEY = Buffer.from('"usage"');
const DATA_KEY = Buffer.from('"data"');

/** Vectors are long and hold no words: usage is looked for from the end, so they are neither decoded nor parsed. */
function readEmbeddings(body: Buffer, findings: Findings): void {
  findings.legible =
    isBraced(body.toString('latin1', 0, 64) + body.toString('latin1', Math.max(64, body.length - 64))) && body.includes(DATA_KEY);
  const at = body.lastIndexOf(USAGE_KEY);
  const value = at === -1 ? -1 : body.indexOf(0x7b, at);
  if (value === -1) return;
  findings.usage(parseJson(body.toString('utf8', value, objectEnd(body, value))));
  findings.complete = findings.hasUsage;
  findings.stop('stop');
}

function objectEnd(body: Buffer, start: number): number {
  try {
    return skipValue(body, start, body.length);
  } catch {
    // Half an answer: what stands there is no JSON either.
    return body.length;
  }
}

/** Members whose strings the model did not write. */
const LABELS: ReadonlySet<string> = new Set(['type', 'role', 'id', 'call_id', 'status', 'signature', 'encrypted_content', 'annotations']);

/** Tells all texts of an answer, wherever they lie. */
function tellText(value: unknown, options: TapOptions): void {
  if (!options.onText || value === undefined || value === null) return;
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === 'string') options.onText(next);
    else if (isList(next)) for (const item of next) waiting.push(item);
    else if (isObject(next)) for (const key of Object.keys(next)) if (!LABELS.has(key)) waiting.push(next[key]);
  }
}
