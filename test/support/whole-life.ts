import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runReview } from '../../src/cli/commands/review.ts';
import { type ReviewDocument, reviewSchema } from '../../src/cli/commands/review-schema.ts';
import type { CommandIo, ExitCode } from '../../src/cli/io.ts';
import { type Config, loadConfig } from '../../src/config/index.ts';
import { type Call, systemClock } from '../../src/core/index.ts';
import { type GatewayApp, openGatewayApp } from '../../src/gateway-app.ts';
import { openLife } from '../../src/life-worker.ts';
import { providers } from '../../src/providers/index.ts';
import { type Look, openDataDir, type Store, type StoredPair, type TaskEvent } from '../../src/store/index.ts';
import { openStoreToRead, storeLocation } from '../../src/store-location.ts';
import { askedOf, type ShownTask, shownTask } from './life-world.ts';
import { type ModelScript, type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';
import { OPTIONS, type RecordedQuestion } from './whole-life-questions.ts';

/** The one task of this life. */
const TASK = 'reading';
const CONCURRENCY = 16;
/** Fewer than may wait for shadow calls and audits at a time: nothing is dropped. */
const WAVE = 128;

export type Mode = 'observe' | 'shadow' | 'live';

/** How the small model is doing, and the version that it says it is. */
export interface SmallModel {
  /** Wrong, and sure of it. */
  readonly isBroken: boolean;
  readonly served: string;
}

/** One answered question. */
export interface Answered {
  readonly requestId: string;
  readonly question: RecordedQuestion;
  readonly text: string;
  readonly mode: string | null;
  readonly model: string | null;
  readonly decision: string | null;
  readonly costUsd: string | null;
}

/** Everything on record. */
export interface WholeRecord {
  readonly rows: readonly Call[];
  readonly pairs: readonly StoredPair[];
  readonly looks: readonly Look[];
  readonly events: readonly TaskEvent[];
}

/** What a review of the task said. */
export interface Reviewed extends Omit<ReviewDocument, 'tasks'> {
  readonly exit: ExitCode;
  readonly notes: readonly string[];
  readonly task: ReviewDocument['tasks'][number];
}

/** One data directory, one lock file, and a gateway that is stopped and started over them as a task goes its way. */
export class WholeLife {
  readonly #folder: string;
  readonly #upstream: ScriptedUpstream;
  readonly #questions: readonly RecordedQuestion[];
  #small: SmallModel = { isBroken: false, served: 'qwen-14b' };
  #app: GatewayApp | null = null;
  #config: Config | null = null;
  readonly #answers: Answered[] = [];
  #asked = 0;
  /** Pairs that are to be there: one for each request in shadow and live mode. */
  #pairs = 0;

  constructor(folder: string, upstream: ScriptedUpstream, questions: readonly RecordedQuestion[]) {
    this.#folder = folder;
    this.#upstream = upstream;
    this.#questions = questions;
    const byId = new Map(questions.map((question) => [question.id, question]));
    const known = (body: Readonly<Record<string, unknown>>): RecordedQuestion => {
      const question = byId.get(/^CosmosQA (\d+)$/.exec(askedOf(body))?.[1] ?? '');
      if (question === undefined) throw new Error('no such question');
      return question;
    };
    upstream.script('qwen-14b', (body) => smallAnswer(known(body), this.#small));
    upstream.script('qwen-72b', (body) => bigAnswer(known(body)));
  }

  get dataDir(): string {
    return join(this.#folder, 'data');
  }

  /** Everything that was answered so far. */
  get answers(): readonly Answered[] {
    return this.#answers;
  }

  get left(): number {
    return this.#questions.length - this.#asked;
  }

  setSmall(small: SmallModel): void {
    this.#small = small;
  }

  /** Stops the gateway, where one runs, and starts it with the task in a mode. */
  async serve(mode: Mode): Promise<void> {
    await this.stop();
    const file = join(this.#folder, 'smallfirst.yaml');
    await writeFile(file, yamlOf(this.#upstream.origin, mode));
    this.#config = await loadConfig(file, {}, { providers });
    const { dataDir } = this;
    const to = { host: '127.0.0.1', port: 0, dataDir, environment: {}, version: '0.0.0', logTo: join(this.#folder, 'log') };
    this.#app = await openGatewayApp(this.#config, to);
    // A new data directory has no record to read for its first moments.
    const { url } = this.#app;
    await expect.poll(async () => (await fetch(`${url}/admin/tasks/${TASK}`)).status, { timeout: 20_000 }).toBe(200);
  }

  async stop(): Promise<void> {
    const app = this.#app;
    this.#app = null;
    await app?.close();
  }

  async remove(): Promise<void> {
    await this.stop();
    await this.#upstream.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  shown(): Promise<ShownTask> {
    return shownTask({ url: this.#running().url }, TASK);
  }

  /** The newest event on record; what just happened gets there within a second or two. */
  async newestEvent(kind: string): Promise<{ readonly kind: string; readonly reason: string }> {
    const newest = async () => (await this.shown()).events[0];
    await expect.poll(async () => (await newest())?.kind, { timeout: 20_000 }).toBe(kind);
    return (await newest()) ?? { kind, reason: '' };
  }

  /** Asks the next questions, each once; resolves when what runs beside the answers is over as well. */
  async ask(count: number): Promise<readonly Answered[]> {
    const all: Answered[] = [];
    while (all.length < count) {
      const wave = this.#questions.slice(this.#asked, this.#asked + Math.min(WAVE, count - all.length));
      if (wave.length === 0) throw new Error('no question is left');
      this.#asked += wave.length;
      all.push(...(await this.#wave(wave)));
    }
    return all;
  }

  /** Asks so many at a time until the task is shown as wanted. */
  async askUntil(step: number, isWanted: (shown: ShownTask) => boolean): Promise<readonly Answered[]> {
    const all: Answered[] = [];
    while (!isWanted(await this.shown())) all.push(...(await this.ask(step)));
    return all;
  }

  /** Takes the look that is due by the schedule. Returns what is proposed after it, the newest last. */
  async look(): Promise<readonly TaskEvent[]> {
    await this.read((store) => expect.poll(() => store.pairs.count({ task: TASK }), { timeout: 20_000 }).toBe(this.#pairs));
    const { database } = await openDataDir(this.dataDir, { readOnly: true });
    const warnings: string[] = [];
    const deps = { clock: systemClock, warn: (message: string) => void warnings.push(message) };
    const life = openLife(this.#configured(), storeLocation(null, database), deps);
    try {
      await life.look();
    } finally {
      await life.close();
    }
    expect(warnings).toEqual([]);
    return this.read((store) => store.events.list({ task: TASK, kinds: ['proposed'] }));
  }

  /** `smallfirst review --json` beside the running gateway, which then reads the lock file again, as it does by itself within seconds. */
  async review(options: { readonly write: boolean }): Promise<Reviewed> {
    const said: { documents: unknown[]; notes: string[] } = { documents: [], notes: [] };
    const io: CommandIo = {
      out: () => {},
      json: (document) => void said.documents.push(document),
      note: (text) => void said.notes.push(text),
      progress: () => ({ advance: () => {}, end: () => {} }),
      env: {},
      cwd: this.#folder,
      signal: new AbortController().signal,
      width: 120,
    };
    const exit = await runReview({ config: 'smallfirst.yaml', data: 'data', json: true, ...options }, io);
    expect(said.documents).toHaveLength(1);
    await this.#running().reload();
    const { tasks, ...document } = reviewSchema.parse(said.documents[0]);
    expect(tasks.map(({ task }) => task)).toEqual([TASK]);
    return { exit, notes: said.notes, ...document, task: tasks[0] as ReviewDocument['tasks'][number] };
  }

  /** Stops the gateway and reads everything that it recorded, oldest first. */
  async record(): Promise<WholeRecord> {
    await this.stop();
    return this.read(async (store) => ({
      rows: await allRows(store),
      pairs: await store.pairs.list({ task: TASK }),
      looks: await store.looks.list({ task: TASK }),
      events: await store.events.list({}),
    }));
  }

  async #wave(wave: readonly RecordedQuestion[]): Promise<readonly Answered[]> {
    const answers: Answered[] = [];
    const waiting = [...wave];
    const client = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) answers.push(await this.#one(next));
    };
    const before = await this.#kept();
    await Promise.all(Array.from({ length: CONCURRENCY }, client));
    const pairs = answers.filter(({ mode }) => mode !== 'observe').length;
    this.#pairs += pairs;
    this.#answers.push(...answers);
    await expect.poll(() => this.#kept(), { timeout: 20_000 }).toBe(before + pairs);
    return answers;
  }

  /** Pairs since the gateway started. */
  async #kept(): Promise<number> {
    const { shadow, audit } = await this.shown();
    return (shadow?.pairs ?? 0) + (audit?.pairs ?? 0);
  }

  async #one(question: RecordedQuestion): Promise<Answered> {
    const messages = [
      { role: 'system', content: 'Answer the reading question with the letter of its option.' },
      { role: 'user', content: `CosmosQA ${question.id}` },
    ];
    const response = await fetch(`${this.#running().url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: `task/${TASK}`, messages, max_tokens: 5 }),
    });
    const document = (await response.json()) as { readonly choices: readonly [{ readonly message: { readonly content: string } }] };
    expect([response.status, document]).toEqual([200, expect.anything()]);
    const header = (name: string): string | null => response.headers.get(`x-smallfirst-${name}`);
    return {
      requestId: header('request-id') ?? '',
      question,
      text: document.choices[0].message.content,
      mode: header('mode'),
      model: header('model'),
      decision: header('decision'),
      costUsd: header('cost-usd'),
    };
  }

  /** Reads the record, also while a gateway writes to it. */
  async read<T>(reading: (store: Store) => Promise<T>): Promise<T> {
    const store = await openStoreToRead(this.dataDir);
    try {
      return await reading(store);
    } finally {
      await store.close();
    }
  }

  #running(): GatewayApp {
    if (this.#app === null) throw new Error('no gateway runs');
    return this.#app;
  }

  #configured(): Config {
    if (this.#config === null) throw new Error('no gateway was started');
    return this.#config;
  }
}

/** Opens a life over recorded answers, with no gateway yet. */
export async function openWholeLife(questions: readonly RecordedQuestion[]): Promise<WholeLife> {
  return new WholeLife(await mkdtemp(join(tmpdir(), 'smallfirst-whole-life-')), await startScriptedUpstream(), questions);
}

/** US dollars a million tokens. */
const PRICES = { small: { input: 0.1, output: 0.3 }, frontier: { input: 2.5, output: 10 } } as const;

/** What one call about a question costs, in billionths of a dollar. */
export function priceOf(model: keyof typeof PRICES, question: RecordedQuestion): number {
  const { input, output } = PRICES[model];
  return Math.round(1_000 * (input * tokensOf(question) + output));
}

/** Every request is drawn and every accepted answer audited, so each makes one pair; stages and audits are few enough for 5,000 questions. */
const yamlOf = (origin: string, mode: Mode): string => `
models:
  small: { provider: openai, model: qwen-14b, url: "${origin}/v1", apiKey: k, price: { input: ${PRICES.small.input}, output: ${PRICES.small.output} } }
  frontier: { provider: openai, model: qwen-72b, url: "${origin}/v1", apiKey: k, price: { input: ${PRICES.frontier.input}, output: ${PRICES.frontier.output} } }
tasks:
  ${TASK}:
    output: { kind: label, labels: [${OPTIONS.join(', ')}] }
    ladder: [small, frontier]
    floor: { retain: 0.95, level: 0.95 }
    mode: ${mode}
    shadow: { share: 1 }
    audit: { share: 1 }
    canary: { stages: [0.25, 1], audits: 60 }
`;

function smallAnswer(question: RecordedQuestion, { isBroken, served }: SmallModel): ModelScript {
  const inputTokens = tokensOf(question);
  if (!isBroken) return { tokens: [{ text: question.small, logprob: Math.log(question.smallProbability) }], served, inputTokens };
  const wrong = OPTIONS[(OPTIONS.indexOf(question.big) + 1) % OPTIONS.length] ?? 'A';
  return { tokens: [{ text: wrong, logprob: 0 }], served, inputTokens };
}

function bigAnswer(question: RecordedQuestion): ModelScript {
  const token = { text: question.big, logprob: Math.log(question.bigProbability) };
  return { tokens: [token], served: 'qwen-72b-2023-11', inputTokens: tokensOf(question) };
}

/** The recordings hold no token counts; these differ from question to question, so that a wrong sum shows. */
function tokensOf({ id }: RecordedQuestion): number {
  return 200 + (Number(id) % 97);
}

async function allRows(store: Store): Promise<readonly Call[]> {
  const rows: Call[] = [];
  for (let before: string | undefined; ; before = rows.at(-1)?.id) {
    const page = await store.calls.list({}, { limit: 1_000, ...(before === undefined ? {} : { before }) });
    rows.push(...page);
    if (page.length < 1_000) return rows.reverse();
  }
}
