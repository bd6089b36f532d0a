import { type EpochMs, type ModelEvent, type ModelRequest, type Output, SmallfirstError, systemClock, usage } from '../../core/index.ts';
import type { CallContext, ModelClient } from '../types.ts';
import type { GrammarState, LlamaGrammar, LlamaModule, LlamaSequence } from './engine-types.ts';
import { labelGrammar } from './gbnf.ts';
import { type GenerationCounts, type GenerationOptions, generate } from './generate.ts';
import { generateLabel } from './generate-label.ts';
import { jsonGrammar } from './json-grammar.ts';
import { LabelTokens, readVocabulary, type Vocabulary } from './label-tokens.ts';
import type { LoadedModel } from './load-model.ts';
import type { Prompt } from './prompt.ts';
import { Slots, throwIfGone } from './slots.ts';
import { type Piece, StopScanner } from './stop-scanner.ts';

/** Grammars are compiled once each; tasks are few, and clients with schemas of their own must not fill the memory. */
const MAX_GRAMMARS = 64;
const MAX_TOP_LOGPROBS = 20;

/** One question with what its answer is held to. */
interface Asked {
  readonly request: ModelRequest;
  readonly context: CallContext;
  readonly grammar: LlamaGrammar | null;
  readonly labels: LabelTokens | null;
}

/** A model in this process. Its answers are of the task's output form where the call names one: labels and JSON cannot come out otherwise. */
export class LlamaClient implements ModelClient {
  readonly version: string;
  readonly #name: string;
  readonly #module: LlamaModule;
  readonly #loaded: LoadedModel;
  readonly #slots: Slots<LlamaSequence>;
  readonly #grammars = new Map<string, Promise<LlamaGrammar>>();
  readonly #labels = new Map<string, LabelTokens>();
  #vocabulary: Promise<Vocabulary> | null = null;
  readonly #now: () => EpochMs;

  constructor(name: string, module: LlamaModule, loaded: LoadedModel, now: () => EpochMs = () => systemClock.now()) {
    this.#name = name;
    this.#module = module;
    this.#loaded = loaded;
    this.#slots = new Slots(name, loaded.sequences, loaded.queue);
    this.version = loaded.version;
    this.#now = now;
  }

  /**
   * Throws UPSTREAM_BUSY when the line is full, UPSTREAM_REJECTED for a prompt that does not fit, NOT_SUPPORTED for tools and media,
   * ABORTED, DEADLINE_EXCEEDED, and UPSTREAM_FAILED where the engine fails.
   */
  async *call(request: ModelRequest, context: CallContext): AsyncIterable<ModelEvent> {
    throwIfGone(context.signal);
    if ((request.tools?.length ?? 0) > 0)
      throw new SmallfirstError('NOT_SUPPORTED', `${this.#name} runs in this process and calls no tools.`);
    const prompt = this.#loaded.prompt(request);
    const window = this.#loaded.contextSize;
    if (prompt.tokens.length >= window) {
      throw new SmallfirstError(
        'UPSTREAM_REJECTED',
        `The prompt has ${prompt.tokens.length} tokens and the context of ${this.#name} holds ${window}, the answer included; raise contextWindow or send less.`,
      );
    }
    const labels = await this.#labelsOf(request, context.output ?? null);
    const grammar = labels === null ? await this.#grammarOf(request, context.output ?? null) : null;
    const sequence = await this.#slots.take(context);
    try {
      yield* this.#answer(sequence, prompt, { request, context, grammar, labels });
    } catch (error) {
      // What it remembers after a failure is not known.
      await sequence.clearHistory().catch(() => undefined);
      throw error instanceof SmallfirstError
        ? error
        : new SmallfirstError('UPSTREAM_FAILED', `${this.#name} failed in this process.`, { cause: error });
    } finally {
      this.#slots.giveBack(sequence);
    }
  }

  /** Frees the model's memory. */
  async close(): Promise<void> {
    await this.#loaded.dispose();
  }

  async *#answer(sequence: LlamaSequence, prompt: Prompt, { request, context, grammar, labels }: Asked): AsyncGenerator<ModelEvent> {
    const { model, contextSize, version, release } = this.#loaded;
    const inputTokens = prompt.tokens.length;
    yield { type: 'start', servedModel: version, fingerprint: release, upstreamId: null, inputTokens };
    const counts: GenerationCounts = { reused: 0, generated: 0, ended: null };
    const scanner = new StopScanner([...(request.stop ?? []), ...prompt.stops]);
    const state: GrammarState | null = grammar === null ? null : new this.#module.LlamaGrammarEvaluationState({ model, grammar });
    const text = new AnswerText();
    const options = this.#options(request, context, prompt, state, contextSize - inputTokens);
    const pieces = labels === null ? generate(sequence, model, options, counts) : generateLabel(sequence, model, labels, options, counts);
    for await (const piece of pieces) {
      yield* text.events(scanner.push(piece));
      if (scanner.met !== null) break;
    }
    yield* text.events(scanner.end());
    const met = scanner.met;
    const isClients = met !== null && (request.stop ?? []).includes(met);
    yield {
      type: 'end',
      stop: isClients ? 'stop-sequence' : met !== null ? 'done' : (counts.ended ?? 'done'),
      usage: usage({ freshInput: inputTokens - counts.reused, cacheRead: counts.reused, output: counts.generated }),
      usageSource: 'reported',
      ...(isClients ? { stopSequence: met } : {}),
    };
  }

  #options(request: ModelRequest, context: CallContext, prompt: Prompt, grammar: GrammarState | null, room: number): GenerationOptions {
    return {
      prompt: prompt.tokens,
      maxTokens: Math.min(request.maxTokens ?? room, room),
      // The most probable token unless asked otherwise: the same question then has the same answer.
      temperature: request.temperature ?? 0,
      topP: request.topP ?? 1,
      seed: request.seed ?? null,
      topLogprobs: request.logprobs ? Math.min(MAX_TOP_LOGPROBS, request.logprobs.top) : null,
      grammar,
      signal: context.signal,
      deadlineAt: context.deadlineAt,
      now: this.#now,
    };
  }

  /** The labels of a task, where the answer is the most probable one and the vocabulary can spell them all; null leaves it to a grammar. */
  async #labelsOf(request: ModelRequest, output: Output | null): Promise<LabelTokens | null> {
    const { responseFormat, temperature = 0 } = request;
    if (output?.kind !== 'label' || temperature > 0 || (responseFormat !== undefined && responseFormat.type !== 'text')) return null;
    const key = JSON.stringify(output.labels);
    let labels = this.#labels.get(key);
    if (labels === undefined) {
      this.#vocabulary ??= readVocabulary(this.#loaded.model);
      labels = new LabelTokens(await this.#vocabulary, output.labels);
      keep(this.#labels, key, labels);
    }
    return labels.isComplete ? labels : null;
  }

  /** What the answer must look like: as the request says, else as the task does. */
  async #grammarOf(request: ModelRequest, output: Output | null): Promise<LlamaGrammar | null> {
    const source = grammarSource(request, output);
    if (source === null) return null;
    let compiled = this.#grammars.get(source);
    if (compiled === undefined) {
      compiled = this.#loaded.llama.createGrammar({ grammar: source });
      keep(this.#grammars, source, compiled);
    }
    try {
      return await compiled;
    } catch (error) {
      this.#grammars.delete(source);
      throw new SmallfirstError('NOT_SUPPORTED', `${this.#name} cannot hold its answers to this schema; make it simpler.`, {
        cause: error,
      });
    }
  }
}

/** Remembers a few, the oldest first to go. */
function keep<Value>(memory: Map<string, Value>, key: string, value: Value): void {
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > MAX_GRAMMARS && oldest !== undefined) memory.delete(oldest);
}

function grammarSource({ responseFormat }: ModelRequest, output: Output | null): string | null {
  if (responseFormat?.type === 'json-schema') return jsonGrammar(responseFormat.schema);
  if (responseFormat?.type === 'json') return jsonGrammar(null);
  if (output?.kind === 'label') return labelGrammar(output.labels);
  return output?.kind === 'json' ? jsonGrammar(output.schema) : null;
}

/** Pieces as events. White space before the first word belongs to the tokenizer, not to the answer. */
class AnswerText {
  #begun = false;

  *events(pieces: readonly Piece[]): Generator<ModelEvent> {
    for (const { text, logprob } of pieces) {
      const said = this.#begun ? text : text.trimStart();
      if (said !== '') this.#begun = true;
      if (said !== '' || logprob !== null) yield { type: 'text', text: said, ...(logprob === null ? {} : { logprobs: [logprob] }) };
    }
  }
}
