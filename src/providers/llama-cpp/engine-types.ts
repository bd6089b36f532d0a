/** What is used of node-llama-cpp (3.x). It is an optional peer, so that its own types cannot be imported. */
export interface LlamaModule {
  getLlama(options: {
    readonly gpu: 'auto' | false;
    readonly build: 'never';
    readonly logLevel: 'error';
    readonly logger: (level: string, message: string) => void;
    readonly maxThreads: number;
  }): Promise<Llama>;
  readonly LlamaGrammarEvaluationState: new (options: { readonly model: LlamaModel; readonly grammar: LlamaGrammar }) => GrammarState;
  /** The wrapper that fits the model's own chat template. */
  resolveChatWrapper(model: LlamaModel): ChatWrapper;
}

/** The native library, loaded once for each kind of device. */
export interface Llama {
  loadModel(options: { readonly modelPath: string; readonly gpuLayers?: number }): Promise<LlamaModel>;
  createGrammar(options: { readonly grammar: string }): Promise<LlamaGrammar>;
  readonly llamaCppRelease: { readonly release: string };
  readonly cpuMathCores: number;
  dispose(): Promise<void>;
}

/** A grammar in GBNF that was compiled. */
export interface LlamaGrammar {
  readonly grammar: string;
}

/** How far one answer has come in its grammar. */
export interface GrammarState {
  clone(): GrammarState;
}

export interface LlamaModel {
  createContext(options: {
    readonly contextSize: number;
    readonly sequences: number;
    readonly threads: number;
    readonly lora?: { readonly adapters: readonly { readonly filePath: string; readonly scale: number }[] };
  }): Promise<LlamaContext>;
  tokenize(text: string, specialTokens?: boolean): number[];
  detokenize(tokens: readonly number[], specialTokens?: boolean, lastTokens?: readonly number[]): string;
  isEogToken(token: number): boolean;
  iterateAllTokens(): Iterable<number>;
  readonly tokenizer: Tokenizer;
  readonly tokens: { readonly bos: number | null; readonly shouldPrependBosToken: boolean };
  readonly trainContextSize: number;
  readonly fileInfo: { readonly metadata?: { readonly tokenizer?: { readonly chat_template?: string } } };
  dispose(): Promise<void>;
}

export type Tokenizer = (text: string, specialTokens?: boolean) => number[];

export interface LlamaContext {
  getSequence(): LlamaSequence;
  readonly contextSize: number;
}

/** One text that is being written; a context holds several. */
export interface LlamaSequence {
  readonly contextSize: number;
  /** Where the next token goes: how much of the prompt is remembered. */
  readonly nextTokenIndex: number;
  /** Forgets what differs from these tokens. */
  adaptStateToTokens(tokens: readonly number[], allowShift: boolean): Promise<void>;
  clearHistory(): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  /** Evaluates tokens and gives what was asked for after each. */
  controlledEvaluate(input: readonly ControlledToken[]): Promise<readonly (ControlledAnswer | undefined)[]>;
  evaluateWithMetadata(
    tokens: readonly number[],
    metadata: { readonly probabilities: boolean },
    options: SamplingOptions,
  ): AsyncGenerator<{ readonly token: number; readonly probabilities?: ReadonlyMap<number, number> }>;
}

/** A token, and whose logits are wanted after it. */
export type ControlledToken =
  | number
  | readonly [number, { readonly generateNext: { readonly logits: { readonly filter: { readonly tokens: readonly number[] } } } }];

export interface ControlledAnswer {
  readonly next: { readonly logits?: ReadonlyMap<number, number> };
}

export interface SamplingOptions {
  readonly temperature: number;
  /** 0 and 1 switch the engine's own cuts off: a client that sets none gets the model's own distribution. */
  readonly topK: number;
  readonly topP: number;
  readonly seed?: number;
  readonly grammarEvaluationState?: GrammarState;
  readonly yieldEogToken: true;
}

/** A piece of text that knows which of its parts are special tokens. */
export interface LlamaText {
  tokenize(tokenizer: Tokenizer): number[];
  toString(): string;
}

export type ChatItem =
  | { readonly type: 'system' | 'user'; readonly text: string }
  | { readonly type: 'model'; readonly response: readonly string[] };

export interface ChatWrapper {
  generateContextState(options: { readonly chatHistory: readonly ChatItem[] }): {
    readonly contextText: LlamaText;
    readonly stopGenerationTriggers: readonly LlamaText[];
  };
}
