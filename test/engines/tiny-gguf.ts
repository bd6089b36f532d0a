/** Words that the tiny model can say; it speaks nothing else. */
export const TINY_WORDS = [
  'billing',
  'refund',
  'shipping',
  'other',
  'yes',
  'no',
  'Zürich',
  'hello',
  'again',
  'never',
  'maybe',
  'soon',
] as const;

const EMBEDDING = 32;
const HEADS = 4;
const FEED_FORWARD = 64;
const LAYERS = 2;
const CONTEXT = 512;
const ALIGNMENT = 32;

const UINT32 = 4;
const INT32 = 5;
const FLOAT32 = 6;
const STRING = 8;
const ARRAY = 9;

/** What a token is, as llama.cpp counts: an ordinary one, the unknown one, a control token, a byte. */
const KIND = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  readonly kinds: readonly number[];
}

interface Tensor {
  readonly name: string;
  /** Fastest-running first. */
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * A whole language model in a few hundred kilobytes: the llama architecture with random weights of this seed and a vocabulary of
 * bytes and a dozen words, as a GGUF file of version 3 (github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 */
export function tinyGguf(seed: number): Buffer {
  const vocabulary = tinyVocabulary();
  const tensors = tinyTensors(vocabulary.tokens.length, seed);
  const metadata = [
    entry('general.architecture', STRING, text('llama')),
    entry('general.name', STRING, text('tiny')),
    entry('llama.context_length', UINT32, uint32(CONTEXT)),
    entry('llama.embedding_length', UINT32, uint32(EMBEDDING)),
    entry('llama.block_count', UINT32, uint32(LAYERS)),
    entry('llama.feed_forward_length', UINT32, uint32(FEED_FORWARD)),
    entry('llama.attention.head_count', UINT32, uint32(HEADS)),
    entry('llama.attention.head_count_kv', UINT32, uint32(HEADS)),
    entry('llama.attention.layer_norm_rms_epsilon', FLOAT32, float32(1e-5)),
    entry('llama.rope.dimension_count', UINT32, uint32(EMBEDDING / HEADS)),
    entry('llama.vocab_size', UINT32, uint32(vocabulary.tokens.length)),
    entry('tokenizer.ggml.model', STRING, text('llama')),
    entry('tokenizer.ggml.tokens', ARRAY, list(STRING, vocabulary.tokens.map(text))),
    entry('tokenizer.ggml.scores', ARRAY, list(FLOAT32, vocabulary.scores.map(float32))),
    entry('tokenizer.ggml.token_type', ARRAY, list(INT32, vocabulary.kinds.map(uint32))),
    entry('tokenizer.ggml.unknown_token_id', UINT32, uint32(0)),
    entry('tokenizer.ggml.bos_token_id', UINT32, uint32(1)),
    entry('tokenizer.ggml.eos_token_id', UINT32, uint32(2)),
  ];
  return ggufFile(metadata, tensors);
}

/**
 * A LoRA adapter over that model, as llama.cpp's convert_lora_to_gguf.py writes it: two random matrices for the queries and values of each layer. With
 * strength 0 the second one is all zeros, as at the beginning of a training, and changes nothing.
 */
export function tinyLora(seed: number, strength: number): Buffer {
  const random = randomNumbers(seed);
  const rank = 2;
  const matrix = (name: string, columns: number, rows: number, scale: number): Tensor => ({
    name,
    shape: [columns, rows],
    values: Float32Array.from({ length: columns * rows }, () => (random() - 0.5) * scale),
  });
  const tensors = Array.from({ length: LAYERS }, (_none, i) =>
    ['attn_q', 'attn_v'].flatMap((part) => [
      matrix(`blk.${i}.${part}.weight.lora_a`, EMBEDDING, rank, 1),
      matrix(`blk.${i}.${part}.weight.lora_b`, rank, EMBEDDING, strength),
    ]),
  ).flat();
  const metadata = [
    entry('general.type', STRING, text('adapter')),
    entry('general.architecture', STRING, text('llama')),
    entry('adapter.type', STRING, text('lora')),
    entry('adapter.lora.alpha', FLOAT32, float32(rank)),
  ];
  return ggufFile(metadata, tensors);
}

function ggufFile(metadata: readonly Buffer[], tensors: readonly Tensor[]): Buffer {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(3),
    uint64(tensors.length),
    uint64(metadata.length),
    ...metadata,
    ...descriptions(tensors),
  ]);
  return Buffer.concat([padded(head), ...tensors.map((tensor) => padded(Buffer.from(tensor.values.buffer)))]);
}

function tinyVocabulary(): Vocabulary {
  const bytes = Array.from({ length: 256 }, (_none, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  // A space is written as U+2581 in vocabularies of this kind.
  const words = TINY_WORDS.map((word) => `\u2581${word}`);
  return {
    tokens: ['<unk>', '<s>', '</s>', ...bytes, ...words],
    scores: [0, 0, 0, ...bytes.map(() => 0), ...words.map((_word, i) => -i)],
    kinds: [KIND.unknown, KIND.control, KIND.control, ...bytes.map(() => KIND.byte), ...words.map(() => KIND.normal)],
  };
}

function tinyTensors(vocabulary: number, seed: number): Tensor[] {
  const random = randomNumbers(seed);
  const matrix = (name: string, columns: number, rows: number, scale: number): Tensor => ({
    name,
    shape: [columns, rows],
    values: Float32Array.from({ length: columns * rows }, () => (random() - 0.5) * scale),
  });
  const ones = (name: string): Tensor => ({ name, shape: [EMBEDDING], values: new Float32Array(EMBEDDING).fill(1) });
  const output = matrix('output.weight', EMBEDDING, vocabulary, 2);
  // Bytes and control tokens have the logit 0; some word is always above that.
  output.values.fill(0, 0, EMBEDDING * (vocabulary - TINY_WORDS.length));
  const layers = Array.from({ length: LAYERS }, (_none, i) => [
    ones(`blk.${i}.attn_norm.weight`),
    matrix(`blk.${i}.attn_q.weight`, EMBEDDING, EMBEDDING, 1),
    matrix(`blk.${i}.attn_k.weight`, EMBEDDING, EMBEDDING, 1),
    matrix(`blk.${i}.attn_v.weight`, EMBEDDING, EMBEDDING, 1),
    matrix(`blk.${i}.attn_output.weight`, EMBEDDING, EMBEDDING, 1),
    ones(`blk.${i}.ffn_norm.weight`),
    matrix(`blk.${i}.ffn_gate.weight`, EMBEDDING, FEED_FORWARD, 1),
    matrix(`blk.${i}.ffn_up.weight`, EMBEDDING, FEED_FORWARD, 1),
    matrix(`blk.${i}.ffn_down.weight`, FEED_FORWARD, EMBEDDING, 1),
  ]);
  return [matrix('token_embd.weight', EMBEDDING, vocabulary, 2), ...layers.flat(), ones('output_norm.weight'), output];
}

/** Mulberry32: the same numbers for the same seed on every machine. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function descriptions(tensors: readonly Tensor[]): Buffer[] {
  let offset = 0;
  return tensors.map(({ name, shape, values }) => {
    const own = Buffer.concat([text(name), uint32(shape.length), ...shape.map(uint64), uint32(0), uint64(offset)]);
    offset += Math.ceil(values.byteLength / ALIGNMENT) * ALIGNMENT;
    return own;
  });
}

function entry(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([text(key), uint32(type), value]);
}

function list(type: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([uint32(type), uint64(items.length), ...items]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % ALIGNMENT;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(ALIGNMENT - rest)]);
}
