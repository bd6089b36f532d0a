import type { Capability, EpochMs, ModelEvent, ModelRequest, Output } from '../core/index.ts';
import type { PruneList } from '../pruning/index.ts';
import type { Embedder } from './embeddings.ts';
import type { LocalSettings } from './llama-cpp/types.ts';
import type { Recording } from './recording.ts';
import type { Upstream } from './upstream/upstreams.ts';

/** What surrounds one call to a model. */
export interface CallContext {
  /** Id of the item or request, under which a recording finds its answer. */
  readonly itemId: string | null;
  /**
   * The task's input before a prompt was put around it: what an embedded student reads. Null when it is not known apart;
   * then the last user message is the input.
   */
  readonly input: string | null;
  /** Aborts the call; the provider stops generating (and billing) as soon as it can. */
  readonly signal: AbortSignal | null;
  readonly deadlineAt: EpochMs | null;
  /** What the task's answer must be, where it is known: a model in this process then cannot write anything else. */
  readonly output?: Output;
  /** Sent as `idempotency-key`: a provider that honours it answers the same key once, however often it is asked. */
  readonly idempotencyKey?: string;
  /** Answers in the place of a model that is called over HTTP, given the request as it would go out: as a part of a batch. */
  readonly instead?: (request: ModelRequest) => AsyncIterable<ModelEvent>;
  /**
   * Hears that the call waits to be sent, or to be sent again (true), and that it goes out (false): one that is broken off while it waits
   * has cost nothing. A client that never tells sends it at once.
   */
  readonly held?: (isHeld: boolean) => void;
}

/**
 * One model that can be called. Plain and streamed are one path: it yields events, and plain is `collect(events)`.
 *
 * Promises: `end` comes last and once, unless it throws a SmallfirstError; an aborted signal ends the call;
 * nothing that the provider did not say is invented (no logprobs, no usage, no latency).
 */
export interface ModelClient {
  /** What pins the answers beyond the model's name: a student's checksum, a recording's hash. Absent for a live model. */
  readonly version?: string;
  call(request: ModelRequest, context: CallContext): AsyncIterable<ModelEvent>;
  /** Gives back what it holds, once nobody calls it any more. Absent where it holds nothing. */
  close?(): Promise<void>;
}

/** What a client is made from: the part of a configured model that providers read. */
export interface ModelSource {
  readonly name: string;
  readonly provider: string;
  readonly model: string;
  readonly data: string | null;
  readonly path: string | null;
  /** Tokens of prompt and answer together; read by models in this process. */
  readonly contextWindow?: number | null;
  /** How many callers a model in this process takes at once and in line. */
  readonly upstream?: { readonly concurrency: number | null; readonly queue: number | null };
  /** How a model in this process is run; null for one that is not. */
  readonly local?: Pick<LocalSettings, 'lora' | 'threads' | 'gpuLayers'> | null;
  /** Prompt parts that the model was trained without: they go before it is asked. Absent or null for none. */
  readonly prune?: { readonly list: PruneList | null } | null;
  /** What a student answers to a call that names no task; null or absent for its own form. */
  readonly answers?: Output | null;
  /** The embedding model that a student's texts go to first; null or absent for none. */
  readonly embeddings?: { readonly model: string } | null;
}

/** What a student says of a text, in the task's output form. */
export interface StudentAnswer {
  readonly text: string;
  /** Calibrated P(in scope and right). */
  readonly confidence: number;
  readonly label?: string;
  readonly labels?: readonly string[];
  readonly fields?: Readonly<Record<string, string | readonly string[]>>;
  readonly value?: number;
  /** Tokens that an embedding endpoint counted; absent where none was called. */
  readonly inputTokens?: number;
}

/** An embedded student, as the student adapter needs it. */
export interface StudentModel {
  /** A promise where an embedding endpoint is called first; it rejects with what that call throws, or ABORTED. */
  answer(text: string, signal?: AbortSignal | null): StudentAnswer | Promise<StudentAnswer>;
  /** What pins this student: a checksum of its files, served as its model version. */
  readonly version: string;
}

/** What clients need of the world. */
export interface ClientDeps {
  /** Loads a trained student from its folder; `embedderFor` is asked where it reads embeddings. Throws STUDENT_FILE_INVALID, and what that throws. */
  loadStudent(path: string, embedderFor: (source: { readonly model: string }) => Embedder): Promise<StudentModel>;
  /** Reads a recording. Throws INPUT_INVALID with the line, or INPUT_NOT_FOUND. */
  loadRecording(path: string): Promise<Recording>;
  /** How a model of the config is reached over HTTP. Throws MODEL_NOT_FOUND. */
  upstream(name: string): Upstream;
  /** The folder of the config, where optional packages are looked for too. */
  readonly folder?: string;
}

/** A provider as a row: what a model of it needs in the config, what it can do, and how it is called. */
export interface ProviderRow {
  readonly needs: readonly ('model' | 'url' | 'apiKey' | 'data' | 'path')[];
  readonly capabilities: readonly Capability[];
  /** It runs in this process: nobody is paid for it, and what it is asked stays here. */
  readonly inProcess?: true;
  /** It can put LoRA adapters over a model: several or one, from files `here` or from where its server has them. */
  readonly lora?: { readonly from: 'here' | 'server'; readonly several: boolean };
  open(source: ModelSource, deps: ClientDeps): Promise<ModelClient>;
}
