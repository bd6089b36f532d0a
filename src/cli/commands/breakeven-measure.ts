import { type Clock, SmallfirstError } from '../../core/index.ts';
import { isLoopbackHost } from '../../gateway/index.ts';
import type { CountTokens } from '../../pricing/index.ts';
import { filler } from './breakeven-filler.ts';

/** What to measure. */
export interface MeasurePlan {
  /** Base URL as an OpenAI SDK takes it, `/v1` included. */
  readonly url: string;
  /** Absent: the first one that the endpoint lists. */
  readonly model: string | null;
  readonly apiKey: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Levels 1, 2, 4 … up to this many requests in flight. */
  readonly concurrency: number;
  /** Most requests in all, those that warm up included; the list of models is not one of them. */
  readonly maxRequests: number;
  /** Hosts that the config names: these and loopback may be asked, nothing else. */
  readonly allowedHosts: ReadonlySet<string>;
}

/** One level: so many requests in flight. Rates are over the wall clock of the level. */
export interface MeasuredLevel {
  readonly concurrency: number;
  readonly requests: number;
  readonly failed: number;
  readonly inputTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
  readonly totalTokensPerSecond: number;
  readonly p95Ms: number;
}

/** What came. */
export interface Measured {
  readonly model: string;
  readonly levels: readonly MeasuredLevel[];
  /** The level with the most tokens per second. */
  readonly best: MeasuredLevel;
  /** Whether the endpoint counted the tokens itself, or we did. */
  readonly usage: 'reported' | 'counted';
}

export interface MeasureWorld {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly countTokens: CountTokens;
  readonly progress?: (done: number, total: number) => void;
}

/** Longest wait for one answer, and the largest one that is read. */
const DEADLINE_MS = 120_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Requests per level for every one in flight: the first wave fills the batch, the second one is served from a full one. */
const WAVES = 3;

/**
 * Asks an OpenAI-compatible endpoint for chat completions of the mix, at 1, 2, 4 … requests in flight, and tells the tokens per second of each
 * level. Every prompt is another text, so that no prefix cache flatters the figure. Throws USAGE for a host that is neither loopback nor in the
 * config, UPSTREAM_FAILED where nothing could be measured, ABORTED when interrupted.
 */
export async function measureEndpoint(plan: MeasurePlan, world: MeasureWorld): Promise<Measured> {
  const base = checkedUrl(plan);
  const model = plan.model ?? (await firstModel(base, plan, world));
  const planned = levelsOf(plan);
  const total = planned.reduce((sum, level) => sum + level.requests, 1);
  const asker = new Asker(base, plan, { ...world, model });
  const warm = await asker.warmUp();
  if (warm.error !== null) throw failed(base, warm.error);
  const levels: MeasuredLevel[] = [];
  let lastError = '';
  for (const level of planned) {
    const { measured, error } = await runLevel(asker, level, world, () => world.progress?.(asker.asked, total));
    if (measured === null) {
      lastError = error ?? '';
      break;
    }
    levels.push(measured);
  }
  if (world.signal.aborted) throw new SmallfirstError('ABORTED', 'The measurement was interrupted.');
  const best = levels.reduce<MeasuredLevel | null>((a, b) => (a === null || b.totalTokensPerSecond > a.totalTokensPerSecond ? b : a), null);
  if (best === null) throw failed(base, lastError);
  return { model, levels, best, usage: asker.counted ? 'counted' : 'reported' };
}

/** The levels that fit the budget of requests: doubling, each with `WAVES` requests per slot, the last one at the concurrency asked for. */
export function levelsOf(plan: Pick<MeasurePlan, 'concurrency' | 'maxRequests'>): readonly { concurrency: number; requests: number }[] {
  const levels: { concurrency: number; requests: number }[] = [];
  // The warm-up may take two.
  let left = plan.maxRequests - 2;
  for (let concurrency = 1; ; concurrency = Math.min(plan.concurrency, concurrency * 2)) {
    const requests = Math.min(left, concurrency * WAVES);
    // A level that cannot fill its slots measures a smaller one.
    if (requests < concurrency) return levels;
    levels.push({ concurrency, requests });
    left -= requests;
    if (concurrency >= plan.concurrency) return levels;
  }
}

async function runLevel(
  asker: Asker,
  level: { readonly concurrency: number; readonly requests: number },
  world: MeasureWorld,
  advance: () => void,
): Promise<{ readonly measured: MeasuredLevel | null; readonly error: string | null }> {
  const times: number[] = [];
  const sums = { input: 0, output: 0 };
  let error: string | null = null;
  let left = level.requests;
  const startedAt = world.clock.monotonic();
  const worker = async (): Promise<void> => {
    while (left > 0 && !world.signal.aborted) {
      left -= 1;
      const answer = await asker.ask();
      advance();
      if (answer.error !== null) {
        error = answer.error;
        continue;
      }
      sums.input += answer.input;
      sums.output += answer.output;
      times.push(answer.ms);
    }
  };
  await Promise.all(Array.from({ length: level.concurrency }, worker));
  const seconds = (world.clock.monotonic() - startedAt) / 1000;
  if (times.length === 0 || !(seconds > 0)) return { measured: null, error };
  times.sort((a, b) => a - b);
  return {
    measured: {
      concurrency: level.concurrency,
      requests: level.requests,
      failed: level.requests - times.length,
      inputTokensPerSecond: sums.input / seconds,
      outputTokensPerSecond: sums.output / seconds,
      totalTokensPerSecond: (sums.input + sums.output) / seconds,
      p95Ms: times[Math.ceil(times.length * 0.95) - 1] ?? 0,
    },
    error,
  };
}

type Asked = { readonly error: null; readonly input: number; readonly output: number; readonly ms: number } | { readonly error: string };

class Asker {
  readonly #base: string;
  readonly #plan: MeasurePlan;
  readonly #world: MeasureWorld & { readonly model: string };
  #asked = 0;
  #counted = false;
  // vLLM and SGLang honour it, so that every answer has the length of the mix.
  #extra: { readonly ignore_eos?: true } = { ignore_eos: true };

  constructor(base: string, plan: MeasurePlan, world: MeasureWorld & { readonly model: string }) {
    this.#base = base;
    this.#plan = plan;
    this.#world = world;
  }

  get asked(): number {
    return this.#asked;
  }

  /** Whether an answer came without usage, so that its tokens were counted here. */
  get counted(): boolean {
    return this.#counted;
  }

  /** The first request; an endpoint that refuses a parameter it does not know is asked without it. */
  async warmUp(): Promise<Asked> {
    const first = await this.ask();
    if (first.error === null || !first.error.startsWith('status 4')) return first;
    this.#extra = {};
    return this.ask();
  }

  async ask(): Promise<Asked> {
    this.#asked += 1;
    const prompt = filler(this.#asked, this.#plan.inputTokens, this.#world.countTokens);
    const startedAt = this.#world.clock.monotonic();
    try {
      const body = await post(this.#base, this.#plan, this.#world, {
        model: this.#world.model,
        messages: [{ role: 'user', content: prompt }],
        max_tokens: this.#plan.outputTokens,
        temperature: 0,
        ...this.#extra,
      });
      const ms = this.#world.clock.monotonic() - startedAt;
      const { input, output } = this.#tokens(body, prompt);
      return { error: null, input, output, ms };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  #tokens(body: unknown, prompt: string): { readonly input: number; readonly output: number } {
    const { usage, choices } = body as {
      readonly usage?: { readonly prompt_tokens?: unknown; readonly completion_tokens?: unknown } | null;
      readonly choices?: readonly { readonly message?: { readonly content?: unknown } }[];
    };
    const input = usage?.prompt_tokens;
    const output = usage?.completion_tokens;
    if (typeof input === 'number' && typeof output === 'number' && input >= 0 && output >= 0) return { input, output };
    const content = choices?.[0]?.message?.content;
    if (typeof content !== 'string') throw new Error('the answer is no chat completion');
    this.#counted = true;
    return { input: this.#world.countTokens(prompt), output: this.#world.countTokens(content) };
  }
}

async function post(base: string, plan: MeasurePlan, world: MeasureWorld, body: unknown): Promise<unknown> {
  return send(`${base}/chat/completions`, plan, world, { method: 'POST', body: JSON.stringify(body) });
}

async function firstModel(base: string, plan: MeasurePlan, world: MeasureWorld): Promise<string> {
  const list = await send(`${base}/models`, plan, world, { method: 'GET' }).catch((error: unknown) => {
    throw failed(base, error instanceof Error ? error.message : String(error));
  });
  const id = (list as { readonly data?: readonly { readonly id?: unknown }[] }).data?.[0]?.id;
  if (typeof id !== 'string') throw failed(base, 'it lists no model; name one with --measure-model');
  return id;
}

async function send(url: string, plan: MeasurePlan, world: MeasureWorld, init: { method: string; body?: string }): Promise<unknown> {
  const response = await fetch(url, {
    ...init,
    headers: { 'content-type': 'application/json', ...(plan.apiKey === null ? {} : { authorization: `Bearer ${plan.apiKey}` }) },
    // A redirect could lead to a host that nobody allowed.
    redirect: 'error',
    signal: AbortSignal.any([world.signal, AbortSignal.timeout(DEADLINE_MS)]),
  });
  const text = await bounded(response);
  if (!response.ok) throw new Error(`status ${response.status}: ${text.slice(0, 200)}`);
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('the answer is no JSON object');
  return value;
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function checkedUrl(plan: MeasurePlan): string {
  const url = URL.canParse(plan.url) ? new URL(plan.url) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new SmallfirstError('USAGE', `--measure takes a base URL such as http://127.0.0.1:8000/v1, not "${plan.url}".`);
  }
  if (!isLoopbackHost(url.host) && !plan.allowedHosts.has(url.host)) {
    throw new SmallfirstError(
      'USAGE',
      `--measure asks only this machine, or a host that a model of --config names; ${url.host} is neither.`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function failed(base: string, why: string): SmallfirstError {
  return new SmallfirstError('UPSTREAM_FAILED', `Nothing could be measured at ${base}: ${why}`);
}
