import { errorBody, type Fault, type Reply } from '../../support/fake-upstream/index.ts';

/** The two families of clients and upstreams. */
export type Family = 'openai' | 'anthropic';

/** One thing that goes wrong, and how a client meets it. */
export interface FaultRow {
  readonly name: string;
  /** What the upstream does to the first requests, then to all others; null for a good answer. */
  readonly first: (family: Family) => readonly Fault[];
  readonly always: (family: Family) => Fault | null;
  /** Whether the client asks for a stream, or both ways. */
  readonly requests: readonly ('plain' | 'stream')[];
  /** Headers of the request beyond the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Members of the request beyond the usual ones, by family; null where the family has nothing like it. */
  readonly members?: (family: Family) => Readonly<Record<string, unknown>> | null;
  /** Settings of the model beyond the usual ones, as YAML. */
  readonly settings?: string;
  /** It is shown for the first rung of a ladder, too. */
  readonly ladder?: true;
}

const BOTH = ['plain', 'stream'] as const;
const never = () => null;
const none = () => [];

function limit(family: Family, headers: Readonly<Record<string, string>> = {}): Fault {
  const error =
    family === 'anthropic'
      ? { type: 'rate_limit_error', message: 'This request would exceed your rate limit.' }
      : { type: 'tokens', code: 'rate_limit_exceeded', message: 'Rate limit reached.' };
  return { kind: 'status', status: 429, headers, body: errorBody(family, error) };
}

function failure(family: Family): Fault {
  const error =
    family === 'anthropic'
      ? { type: 'api_error', message: 'Internal server error' }
      : { type: 'server_error', message: 'The server had an error.' };
  return { kind: 'status', status: 500, body: errorBody(family, error) };
}

const QUOTA: Readonly<Record<Family, Fault>> = {
  openai: {
    kind: 'status',
    status: 429,
    body: errorBody('openai', { type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your current quota.' }),
  },
  anthropic: {
    kind: 'status',
    status: 402,
    body: errorBody('anthropic', { type: 'billing_error', message: 'Your credit balance is too low.' }),
  },
};

const PAGE: Fault = { kind: 'status', status: 502, body: '<html><body><h1>502 Bad Gateway</h1></body></html>' };

/** Answers 200 with something that is no answer. */
const instead = (body: string): Fault => ({ kind: 'status', status: 200, body });

/** Changes a member wherever it stands: in a plain body, and in the frames of a stream. Undefined removes it. */
function withMember(name: string, change: (value: object) => unknown): Fault {
  const changed = (text: string) =>
    JSON.parse(text, (key, value: unknown) =>
      key === name && typeof value === 'object' && value !== null ? change(value) : value,
    ) as unknown;
  return {
    kind: 'rewrite',
    rewrite: (reply): Reply => {
      if ('json' in reply.body) return { ...reply, body: { json: changed(JSON.stringify(reply.body.json)) } };
      if (!('frames' in reply.body)) return reply;
      const frames = reply.body.frames.map((frame) =>
        frame.replace(/^data: (\{.*)$/m, (_line, data: string) => `data: ${JSON.stringify(changed(data))}`),
      );
      return { ...reply, body: { frames } };
    },
  };
}

const WRONG = {
  prompt_tokens: -5,
  completion_tokens: 'many',
  total_tokens: 1e300,
  input_tokens: -5,
  output_tokens: 'many',
  cache_read_input_tokens: 7,
};

/** A long answer: the same words until it has so many bytes. */
function grown(bytes: number): Fault {
  const text = 'All work and no play. '.repeat(Math.ceil(bytes / 22));
  return {
    kind: 'rewrite',
    rewrite: (reply) =>
      'json' in reply.body ? { ...reply, body: { text: JSON.stringify(reply.body.json).replace(/Gr\u00fc\u00dfe [^"]*/, text) } } : reply,
  };
}

/** Every row of docs/reference/faults.md, in its order. */
export const faultRows: readonly FaultRow[] = [
  { name: 'nothing', ladder: true, first: none, always: never, requests: BOTH },
  { name: '429 once, with Retry-After: 1', first: (f) => [limit(f, { 'retry-after': '1' })], always: never, requests: BOTH },
  { name: '429 always, with Retry-After: 1', first: none, always: (f) => limit(f, { 'retry-after': '1' }), requests: ['plain'] },
  { name: '429 with Retry-After: 60', first: none, always: (f) => limit(f, { 'retry-after': '60' }), requests: BOTH },
  { name: '429 once, without Retry-After', first: (f) => [limit(f)], always: never, requests: ['plain'] },
  { name: '429 always, without Retry-After', ladder: true, first: none, always: (f) => limit(f), requests: ['plain'] },
  {
    name: '429 always, told by an SDK that tries again',
    first: none,
    always: (f) => limit(f),
    requests: ['plain'],
    headers: { 'x-stainless-retry-count': '1' },
  },
  { name: '429 always, `retries: 0`', first: none, always: (f) => limit(f), requests: ['plain'], settings: 'retries: 0' },
  { name: 'quota spent (`insufficient_quota`, `billing_error`)', first: none, always: (f) => QUOTA[f], requests: BOTH },
  { name: '500 once', first: (f) => [failure(f)], always: never, requests: BOTH },
  { name: '500 always', ladder: true, first: none, always: failure, requests: ['plain'] },
  { name: '502 with an HTML page', ladder: true, first: none, always: () => PAGE, requests: BOTH },
  { name: 'connection reset before the head, once', first: () => [{ kind: 'reset' }], always: never, requests: BOTH },
  { name: 'connection reset before the head, always', ladder: true, first: none, always: () => ({ kind: 'reset' }), requests: BOTH },
  {
    name: "no byte until the client's own deadline (`x-stainless-timeout: 1`)",
    first: none,
    always: () => ({ kind: 'silent' }),
    requests: BOTH,
    headers: { 'x-stainless-timeout': '1' },
  },
  {
    name: "no byte until the model's `timeoutMs: 900`, once",
    first: () => [{ kind: 'silent' }],
    always: never,
    requests: ['plain'],
    settings: 'timeoutMs: 900',
  },
  {
    name: 'stall in the middle, until `timeoutMs: 900`',
    ladder: true,
    first: none,
    always: () => ({ kind: 'stall' }),
    requests: BOTH,
    settings: 'timeoutMs: 900',
  },
  { name: 'connection reset in the middle', ladder: true, first: none, always: () => ({ kind: 'cut' }), requests: BOTH },
  {
    name: 'stream ends in the middle, as if that were all',
    ladder: true,
    first: none,
    always: () => ({ kind: 'early-end' }),
    requests: ['stream'],
  },
  { name: 'a chunk, or the body, is no JSON', ladder: true, first: none, always: () => ({ kind: 'malformed' }), requests: BOTH },
  {
    name: '200 with an HTML page',
    ladder: true,
    first: none,
    always: () => instead('<html><body>Please sign in</body></html>'),
    requests: BOTH,
  },
  { name: '200 with JSON of another shape', ladder: true, first: none, always: () => instead('{"ok":true}'), requests: BOTH },
  {
    name: '200 with an error object',
    ladder: true,
    first: none,
    always: (f) => instead(errorBody(f, { type: 'server_error', message: 'Network connection lost.' })),
    requests: BOTH,
  },
  { name: 'slow first byte (400 ms)', first: none, always: () => ({ kind: 'slow-first-byte', ms: 400 }), requests: BOTH },
  {
    name: 'usage that cannot be (negative, text)',
    first: none,
    always: () => withMember('usage', (usage) => ({ ...usage, ...WRONG })),
    requests: BOTH,
  },
  { name: 'no usage', ladder: true, first: none, always: () => withMember('usage', () => undefined), requests: BOTH },
  {
    name: 'no log-probabilities, though asked for',
    ladder: true,
    first: none,
    always: () => withMember('logprobs', () => null),
    requests: ['plain'],
    members: (family) => (family === 'openai' ? { logprobs: true, top_logprobs: 2 } : null),
  },
  { name: 'a compressed body, though none was asked for', first: none, always: () => ({ kind: 'gzip' }), requests: BOTH, ladder: true },
  { name: 'every byte a packet of its own (characters are split)', first: none, always: () => ({ kind: 'byte-by-byte' }), requests: BOTH },
  { name: 'an answer of 32 MB', first: none, always: () => grown(32e6), requests: ['plain'] },
  {
    name: 'a request of 32 MB',
    first: none,
    always: never,
    requests: ['plain'],
    members: () => ({ metadata: { note: 'x'.repeat(32e6) } }),
  },
  {
    name: 'a request of 40 MB',
    first: none,
    always: never,
    requests: ['plain'],
    members: () => ({ metadata: { note: 'x'.repeat(40e6) } }),
  },
];
