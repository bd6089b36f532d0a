import { createReadStream } from 'node:fs';
import type { App } from '../../app.ts';
import { signalsOf, signalValues } from '../../confidence/index.ts';
import { askedAs, type CaptureConfig, type ModelConfig, type TaskConfig } from '../../config/index.ts';
import { type Answer, collect, type EpochMs, NO_USAGE, SmallfirstError, splitLines, systemClock, textMessage } from '../../core/index.ts';
import { agreement } from '../../gateway/index.ts';
import { validateOutput } from '../../metrics/index.ts';
import type { ModelClient } from '../../providers/index.ts';
import { nearestAcross, shinglesOf } from '../../similarity/index.ts';
import type { StoredPair } from '../../store/index.ts';

/** Inputs that share so much of their character runs are next to the same (Jaccard). */
const NEAR = 0.8;

/** What a candidate was trained on, as far as a file tells. */
export interface TrainedRows {
  readonly ids: ReadonlySet<string>;
  readonly texts: readonly string[];
}

/** Ids of the pairs whose request was trained on: by the request's own id, or because its text is a near-duplicate of a row's. */
export function trainedOn(pairs: readonly StoredPair[], rows: TrainedRows): ReadonlySet<string> {
  const found = new Set(pairs.filter(({ id, requestId }) => rows.ids.has(requestId ?? id)).map(({ id }) => id));
  const texted = pairs.filter(({ id, input }) => input !== null && !found.has(id));
  const near = nearestAcross(
    rows.texts.map((text) => shinglesOf(text)),
    texted.map(({ input }) => shinglesOf(input ?? '')),
    NEAR,
  );
  for (const { second } of near) {
    const pair = texted[second];
    if (pair !== undefined) found.add(pair.id);
  }
  return found;
}

/** How pairs of a student are made from requests that another version was compared on. */
export interface Replay {
  readonly task: TaskConfig;
  readonly model: ModelConfig;
  readonly client: ModelClient;
  /** Newest of what it was trained on. */
  readonly until: EpochMs | null;
  readonly capture: CaptureConfig;
  readonly signal: AbortSignal;
}

/**
 * Lets a student answer the requests that were drawn fairly for other versions after its training, whose texts are on record whole, and
 * keeps the pairs with the ceiling's recorded answers: the same requests, drawn as they were. Costs nothing where the student is free.
 * Returns how many pairs are new. For other models, texts, and tasks that keep no whole texts there are none: traffic has to bring them.
 */
export async function replayPairs(app: App, replay: Replay): Promise<number> {
  const { task, model, capture } = replay;
  const mode = (task.capture ?? capture).mode;
  if (model.path === null || task.output.kind === 'text' || mode !== 'full') return 0;
  const { pairs } = app.store;
  const big = task.ladder.at(-1) ?? '';
  const all = await pairs.list({ task: task.name, big, ...(replay.until === null ? {} : { since: replay.until + 1 }) });
  const there = new Set(all.filter(({ small }) => small === model.name).map(({ id }) => id));
  const fresh: StoredPair[] = [];
  for (const pair of all) {
    if (there.has(pair.id) || pair.small === model.name || !(pair.drawn === 'uniform' || pair.drawn === 'audit')) continue;
    if (pair.input === null || pair.bigOutput === null) continue;
    there.add(pair.id);
    const made = await answered(pair, replay, app);
    if (made !== null) fresh.push(made);
  }
  return pairs.append(fresh);
}

async function answered(pair: StoredPair, { task, model, client, signal }: Replay, app: App): Promise<StoredPair | null> {
  // A triage skips for everybody; what the other version skipped by an answer of its own is a matter of that one.
  const isSkipped = pair.skip && pair.smallOutput === null;
  const asked = isSkipped ? null : await ask(client, pair.input ?? '', signal);
  const qualities = agreement(task, asked?.answer ?? null, { ...WHOLE, text: pair.bigOutput ?? '' });
  if (qualities === null) return null;
  const { output } = task;
  const price =
    asked === null
      ? null
      : app.prices.price({ provider: model.provider, model: model.model }, asked.answer.usage ?? NO_USAGE, systemClock.now());
  return {
    ...pair,
    small: model.name,
    // What watches the other version's certificate must not read this as an audit of it.
    certificate: null,
    confidence: null,
    smallQuality: qualities.small,
    bigQuality: qualities.big,
    by: qualities.by,
    signals: asked === null ? {} : signalValues(signalsOf(asked.answer, output, validateOutput(asked.answer.text, output))),
    smallCost: price?.cost ?? null,
    smallLatencyMs: asked?.ms ?? null,
    servedSmall: asked === null ? null : (asked.answer.servedModel ?? askedAs(model)),
    smallOutput: asked?.answer.text ?? null,
    skip: isSkipped,
  };
}

async function ask(client: ModelClient, input: string, signal: AbortSignal): Promise<{ readonly answer: Answer; readonly ms: number }> {
  const begun = systemClock.monotonic();
  const answer = await collect(client.call({ messages: [textMessage('user', input)] }, { itemId: null, input, signal, deadlineAt: null }));
  return { answer, ms: systemClock.monotonic() - begun };
}

/** An answer that went out whole, with nothing beside its text. */
const WHOLE: Omit<Answer, 'text'> = {
  refusal: null,
  toolCalls: [],
  stop: 'done',
  usage: null,
  usageSource: 'recorded',
  logprobs: null,
  recorded: null,
  servedModel: null,
  fingerprint: null,
};

/** Reads the rows that a model was trained on: JSON Lines with a text and perhaps an id each. Throws INPUT_NOT_FOUND or INPUT_INVALID with the line. */
export async function trainedRows(file: string): Promise<TrainedRows> {
  const ids = new Set<string>();
  const texts: string[] = [];
  let line = 0;
  const stream = createReadStream(file, 'utf8');
  const failed = (message: string, cause?: unknown) => new SmallfirstError('INPUT_INVALID', message, { position: { file, line }, cause });
  try {
    for await (const row of splitLines(stream)) {
      line += 1;
      if (row.trim() === '') continue;
      const { id, text } = rowOf(row, failed);
      if (typeof text !== 'string') throw failed('a row that was trained on lacks "text"');
      texts.push(text);
      if (typeof id === 'string' || typeof id === 'number') ids.add(String(id));
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new SmallfirstError('INPUT_NOT_FOUND', `There are no rows at ${file}.`, { cause });
  }
  return { ids, texts };
}

function rowOf(
  row: string,
  failed: (message: string, cause?: unknown) => SmallfirstError,
): { readonly id?: unknown; readonly text?: unknown } {
  try {
    return (JSON.parse(row) ?? {}) as { readonly id?: unknown; readonly text?: unknown };
  } catch (cause) {
    throw failed('a row that was trained on is not JSON', cause);
  }
}
