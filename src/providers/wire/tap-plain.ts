import { isList, isObject, parseJson } from '../codecs/shape.ts';
import { JsonShapeError, lastMember, type Member, scanMembers, skipValue } from './json-members.ts';
import { splice } from './splice.ts';
import { Findings } from './tap-findings.ts';
import { readResponseObject } from './tap-frames.ts';
import { hiddenLogprobs } from './tap-hiding.ts';
import { NO_BYTES, type Tap, type TapOptions, type TapReport } from './tap-types.ts';

/**
 * Listens to a plain answer. Its bytes pass at once (they wait for the end only where log-probabilities are hidden); it is read when
 * it is whole, member by member, so that a long text is never decoded.
 */
export class PlainTap implements Tap {
  readonly edits: boolean;
  readonly #options: TapOptions;
  readonly #findings: Findings;
  #chunks: Buffer[] = [];

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
    const chunks = this.#chunks;
    this.#chunks = [];
    const body = chunks.length === 1 ? (chunks[0] ?? NO_BYTES) : Buffer.concat(chunks);
    try {
      readBody(body, this.#findings, this.#options);
    } catch (error) {
      // Not JSON, or only half of it: nothing is known, and `complete` stays false.
      if (!(error instanceof JsonShapeError)) throw error;
    }
    return this.edits ? splice(body, hiddenLogprobs(body, this.#options)) : NO_BYTES;
  }

  report(): TapReport {
    return this.#findings.report();
  }
}

const USAGE_KEY = Buffer.from('"usage"');

function readBody(body: Buffer, findings: Findings, options: TapOptions): void {
  if (options.protocol === 'openai-embeddings') {
    readEmbeddings(body, findings);
    return;
  }
  const whole = new Body(body, scanMembers(body));
  findings.servedModel = whole.string('model');
  findings.upstreamId = whole.string('id');
  findings.fingerprint = whole.string('system_fingerprint');
  findings.serviceTier = whole.string('service_tier');
  findings.usage(whole.value('usage'));
  findings.fail(whole.value('error'));
  switch (options.protocol) {
    case 'anthropic-messages': {
      findings.stop(whole.string('stop_reason'));
      findings.complete = findings.stopped;
      const usage = whole.value('usage');
      if (isObject(usage) && typeof usage.service_tier === 'string') findings.serviceTier = usage.service_tier;
      if (!findings.hasUsage) tellText(whole.value('content'), options);
      return;
    }
    case 'openai-responses':
      readResponse(whole, findings, options);
      return;
    default:
      readChoices(whole, findings, options);
  }
}

function readResponse(body: Body, findings: Findings, options: TapOptions): void {
  const output = body.value('output');
  readResponseObject({ status: body.value('status'), incomplete_details: body.value('incomplete_details'), output }, findings);
  if (!findings.hasUsage) tellText(output, options);
  if (!options.readLogprobs || !isList(output)) return;
  for (const item of output) {
    if (!isObject(item) || !isList(item.content)) continue;
    for (const part of item.content) if (isObject(part)) findings.logprobs(part.logprobs);
  }
}

function readChoices(body: Body, findings: Findings, options: TapOptions): void {
  const choice = body.firstOf('choices');
  if (choice === null) return;
  findings.stop(choice.string('finish_reason'));
  findings.complete = findings.stopped;
  if (options.readLogprobs) {
    const logprobs = choice.value('logprobs');
    if (isObject(logprobs)) findings.logprobs(logprobs.content);
  }
  if (!findings.hasUsage) tellText(choice.value('message') ?? choice.value('text'), options);
}

/** Vectors are long and hold no words: usage is looked for from the end, so they are not walked through. */
function readEmbeddings(body: Buffer, findings: Findings): void {
  const at = body.lastIndexOf(USAGE_KEY);
  if (at === -1) return;
  const value = body.indexOf(0x7b, at);
  if (value === -1) return;
  findings.usage(parseJson(body.toString('utf8', value, skipValue(body, value, body.length))));
  findings.complete = findings.hasUsage;
  findings.stop('stop');
}

/** Tells all texts of an answer, wherever they lie. */
function tellText(value: unknown, options: TapOptions): void {
  if (!options.onText || value === undefined || value === null) return;
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === 'string') {
      options.onText(next);
    } else if (isList(next)) {
      for (const item of next) waiting.push(item);
    } else if (isObject(next)) {
      for (const key of Object.keys(next)) if (!LABELS.has(key)) waiting.push(next[key]);
    }
  }
}

/** Members whose strings the model did not write. */
const LABELS: ReadonlySet<string> = new Set(['type', 'role', 'id', 'call_id', 'status', 'signature', 'encrypted_content', 'annotations']);

/** A JSON object by its members; values are parsed when asked for. */
class Body {
  readonly #bytes: Buffer;
  readonly #members: readonly Member[];

  constructor(bytes: Buffer, members: readonly Member[]) {
    this.#bytes = bytes;
    this.#members = members;
  }

  value(key: string): unknown {
    const member = lastMember(this.#members, key);
    return member ? parseJson(this.#bytes.toString('utf8', member.valueStart, member.valueEnd)) : undefined;
  }

  string(key: string): string | null {
    const member = lastMember(this.#members, key);
    if (!member || this.#bytes[member.valueStart] !== 0x22) return null;
    const value = parseJson(this.#bytes.toString('utf8', member.valueStart, member.valueEnd));
    return typeof value === 'string' && value !== '' ? value : null;
  }

  /** The first element of a list of objects. */
  firstOf(key: string): Body | null {
    const member = lastMember(this.#members, key);
    if (!member || this.#bytes[member.valueStart] !== 0x5b) return null;
    const start = this.#bytes.indexOf(0x7b, member.valueStart);
    if (start === -1 || start >= member.valueEnd) return null;
    const end = skipValue(this.#bytes, start, member.valueEnd);
    return new Body(this.#bytes, scanMembers(this.#bytes, start, end));
  }
}
