import { type Answer, type Json, type ModelRequest, parseJsonAnswer, textMessage } from '../../core/index.ts';

/** Alternatives per token that a probe asks for: as many as a routed request does. */
export const PROBED_ALTERNATIVES = 5;
/** Most tokens that an answer to a probe may have. */
export const PROBE_MAX_TOKENS = 256;

/** What a probe can see of a model. Images, embeddings and system prompts are not probed. */
export const PROBED = ['streaming', 'logprobs', 'json-schema', 'tools'] as const;
export type Probed = (typeof PROBED)[number];

/** Whether something was seen: `unknown` where the answer broke off, was too long, or never came. */
export interface Sight {
  readonly seen: 'yes' | 'no' | 'unknown';
  /** What was seen, or why not, in a few words. */
  readonly detail: string;
}

/** One tiny request, and what its answer shows. */
export interface Probe {
  readonly name: 'plain' | 'streamed' | 'logprobs' | 'json-schema' | 'tool';
  readonly stream: boolean;
  readonly request: ModelRequest;
  /** The capability that its answer shows; null for the plain one, which shows only that the model answers. */
  readonly shows: Probed | null;
  /** `pieces` is the number of events that carried content. */
  read(answer: Answer, pieces: number): Sight;
}

const COUNT: ModelRequest = {
  messages: [textMessage('user', 'Count from 1 to 10, separated by commas. Write nothing else.')],
  maxTokens: PROBE_MAX_TOKENS,
};

/** Names that nobody would write who was not told the schema: only a schema that was honoured gives them. */
const SCHEMA = {
  type: 'object',
  properties: { probe_city_k7: { type: 'string' }, probe_size_k7: { type: 'string', enum: ['metropolis', 'hamlet'] } },
  required: ['probe_city_k7', 'probe_size_k7'],
  additionalProperties: false,
} as const;

/** The requests of a probe, in order. All but the first are streamed, as routed requests are. */
export const probes: readonly Probe[] = [
  { name: 'plain', stream: false, request: COUNT, shows: null, read: (answer) => whole(answer) ?? seen('yes', 'it answers') },
  { name: 'streamed', stream: true, request: COUNT, shows: 'streaming', read: readPieces },
  {
    name: 'logprobs',
    stream: true,
    request: { ...COUNT, logprobs: { top: PROBED_ALTERNATIVES } },
    shows: 'logprobs',
    read: readLogprobs,
  },
  {
    name: 'json-schema',
    stream: true,
    request: {
      messages: [textMessage('user', 'Describe Paris as JSON.')],
      maxTokens: PROBE_MAX_TOKENS,
      responseFormat: { type: 'json-schema', name: 'probe', schema: SCHEMA as unknown as Json, strict: true },
    },
    shows: 'json-schema',
    read: readSchema,
  },
  {
    name: 'tool',
    stream: true,
    request: {
      messages: [textMessage('user', 'Look up what time it is in Paris. You must call the tool.')],
      maxTokens: PROBE_MAX_TOKENS,
      tools: [
        {
          name: 'current_time',
          description: 'The current time in a city.',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
        },
      ],
      toolChoice: 'auto',
    },
    shows: 'tools',
    read: readTool,
  },
];

/** How many alternatives per token came at most, the chosen one included; null without logprobs. */
export function alternativesOf({ logprobs }: Answer): number | null {
  if (logprobs === null || logprobs.length === 0) return null;
  return logprobs.reduce((most, { top }) => Math.max(most, top.length), 0);
}

function seen(sight: Sight['seen'], detail: string): Sight {
  return { seen: sight, detail };
}

/** Why an answer proves nothing either way; null for a whole one. */
function whole({ stop }: Answer): Sight | null {
  if (stop === 'cut') return seen('unknown', 'the answer broke off');
  if (stop === 'length') return seen('unknown', `the answer did not fit ${PROBE_MAX_TOKENS} tokens`);
  return null;
}

function readPieces(answer: Answer, pieces: number): Sight {
  if (answer.stop === 'cut') return seen('unknown', 'the stream broke off');
  return pieces > 1 ? seen('yes', `in ${pieces} pieces`) : seen('no', 'all in one piece');
}

function readLogprobs(answer: Answer): Sight {
  const alternatives = alternativesOf(answer);
  // Logprobs of half an answer are logprobs; their absence in one with no text shows nothing.
  if (alternatives !== null) return seen('yes', `with ${alternatives} alternatives per token`);
  if (answer.stop === 'cut' || answer.text === '') return whole(answer) ?? seen('unknown', 'the answer held no text');
  return seen('no', 'asked for, and none came');
}

function readSchema(answer: Answer): Sight {
  const incomplete = whole(answer);
  if (incomplete !== null) return incomplete;
  const parsed = parseJsonAnswer(answer.text);
  if (!parsed.ok) return seen('no', parsed.why);
  return fitsSchema(parsed.value)
    ? seen('yes', 'the answer fits the schema')
    : seen('no', 'the answer is JSON that does not fit the schema');
}

function fitsSchema(value: Json): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { probe_city_k7: city, probe_size_k7: size, ...others } = value as Record<string, Json | undefined>;
  const sizes: readonly unknown[] = SCHEMA.properties.probe_size_k7.enum;
  return typeof city === 'string' && sizes.includes(size) && Object.keys(others).length === 0;
}

function readTool(answer: Answer): Sight {
  const call = answer.toolCalls.find(({ name }) => name === 'current_time');
  if (call === undefined) return whole(answer) ?? seen('no', 'the tool was not called');
  const parsed = parseJsonAnswer(call.arguments);
  const isObject = parsed.ok && typeof parsed.value === 'object' && parsed.value !== null && !Array.isArray(parsed.value);
  return isObject ? seen('yes', 'the tool was called') : (whole(answer) ?? seen('no', 'the arguments of its call are no JSON object'));
}
