import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nanoUsd, usage } from '../../core/index.ts';
import { seededRandom } from '../../statistics/index.ts';
import type { AuditCall, TaskHints } from '../types.ts';
import { TaskDiscovery } from './discover.ts';

const NO_HINTS: TaskHints = { tag: null, functionId: null, promptName: null, route: null };
let serial = 0;

function call(parts: Partial<AuditCall>): AuditCall {
  serial += 1;
  return {
    ...{
      callId: `c${serial}`,
      source: 'openai-jsonl',
      file: 'log.jsonl',
      line: serial,
      at: serial * 1000,
      provider: 'openai',
      model: 'gpt-4o',
    },
    ...{
      servedModel: null,
      endpoint: null,
      usage: usage({ freshInput: 100, output: 5 }),
      serviceTier: 'default',
      cost: nanoUsd(0.001),
      unpriced: null,
    },
    ...{ priceId: null, reportedCost: null, latencyMs: null, firstTokenMs: null, status: 'ok', error: null, hints: NO_HINTS, system: null },
    ...{
      userTexts: [],
      tools: [],
      toolCalls: [],
      responseFormat: null,
      output: 'ok',
      finish: 'stop',
      conversation: null,
      key: null,
      team: null,
    },
    params: { temperature: 0, maxTokens: null },
    ...parts,
  };
}

function discover(calls: readonly AuditCall[]) {
  const discovery = new TaskDiscovery();
  for (const each of calls) discovery.add(each);
  const found = discovery.finish();
  return { found, names: calls.map((_, i) => found.taskOf(i)?.name ?? null), ids: calls.map((_, i) => found.taskOf(i)?.id ?? null) };
}

const WORDS = (
  'invoice harbour kettle late window refund parcel garden printer signal bridge coffee ticket lamp river salary tyre password meadow boiler ' +
  'passport violin router carpet fridge airport mirror battery ladder pension bicycle curtain engine saddle anchor pillow charger blanket'
).split(' ');

/** Sentences that have no words in common but by chance. */
function questions(n: number): readonly string[] {
  const random = seededRandom(3);
  return Array.from({ length: n }, () => Array.from({ length: 6 + random.int(8) }, () => WORDS[random.int(WORDS.length)]).join(' '));
}

describe('task discovery', () => {
  it('believes a tag before a function, a function before a prompt and a prompt before a route', () => {
    const hints = { tag: 'refunds', functionId: 'f', promptName: 'p', route: '/r' };
    const { names } = discover([
      call({ hints }),
      call({ hints: { ...hints, tag: null } }),
      call({ hints: { ...hints, tag: null, functionId: null } }),
      call({ hints: { ...NO_HINTS, route: '/r' } }),
    ]);
    expect(names).toEqual(['refunds', 'f', 'p', 'r']);
  });

  it('joins versions of a name and ignores a tag that is an id', () => {
    const tagged = (tag: string) => call({ hints: { ...NO_HINTS, tag } });
    expect(discover([tagged('classify-v1'), tagged('classify-v2'), tagged('3f2b8c1e-5b1d-4c55-9d0a-3a1f0b7c9e21')]).names).toEqual([
      'classify',
      'classify',
      null,
    ]);
  });

  it('gives an untagged call to the task whose tagged calls have its prompt', () => {
    const system = 'You label support tickets by topic. Answer with the topic and nothing else, in lower case.';
    const calls = questions(60).map((text, i) =>
      call({ system, userTexts: [text], hints: i % 3 === 0 ? { ...NO_HINTS, tag: 'topics' } : NO_HINTS }),
    );
    expect(new Set(discover(calls).names)).toEqual(new Set(['topics']));
  });

  it('tells templates apart that share one bare system prompt, and leaves bare questions without a task', () => {
    const texts = questions(40);
    const calls = texts.flatMap((text) => [
      call({
        system: 'You are a helpful assistant.',
        userTexts: [`Translate the following sentence into French: ${text}`],
        output: `Voici ${text}`,
      }),
      call({
        system: 'You are a helpful assistant.',
        userTexts: [`Summarise this complaint in one sentence for a clerk.\n\n${text}`],
        output: `They ask: ${text}`,
      }),
      call({ userTexts: [text] }),
    ]);
    const { ids, found } = discover(calls);
    expect(new Set(ids.filter((_, i) => i % 3 === 0)).size).toBe(1);
    expect(new Set(ids.filter((_, i) => i % 3 === 1)).size).toBe(1);
    expect(found.tasks).toHaveLength(2);
    expect(ids.filter((_, i) => i % 3 === 2)).toEqual(texts.map(() => null));
    expect(found.unassigned.calls).toBe(40);
  });

  it('keeps two tasks under one house style apart and joins a rewording of one of them', () => {
    const house =
      'You work for the claims desk of a large insurer. Be factual, never promise cover, and keep personal data out of your answer. ';
    const rate = (text: string, wording: string) =>
      call({ system: `${house}${wording}`, userTexts: [text], output: String((text.length % 5) + 1) });
    const texts = questions(200);
    const calls = texts.flatMap((text, i) => [
      rate(
        text,
        i < 100
          ? 'Task: rate how urgent the message is on a scale from 1 to 5.'
          : 'Task: rate how urgent the message is, from 1 (can wait) to 5 (act now).',
      ),
      call({
        system: `${house}Task: describe in one sentence what the clerk should do next.`,
        userTexts: [text],
        output: `Call back about ${text}`,
      }),
    ]);
    const { found, ids } = discover(calls);
    expect(
      found.tasks
        .map(({ kind, versions, profile }) => ({ kind, versions, calls: profile.calls }))
        .sort((a, b) => (a.kind < b.kind ? -1 : 1)),
    ).toEqual([
      { kind: 'label', versions: 2, calls: 200 },
      { kind: 'text', versions: 1, calls: 200 },
    ]);
    expect(new Set(ids).size).toBe(2);
  });

  it('finds short prompts: by a system prompt of a few words with a value in it, and by the keys of lines', () => {
    const calls = questions(90).flatMap((text, i) => [
      call({
        system: `You are a router for ${['globex inc', 'umbrella', 'the old harbour'][i % 3]}.`,
        userTexts: [text],
        output: ['sales', 'tech', 'billing'][Math.floor(i / 3) % 3]!,
      }),
      call({
        system: 'You are a helpful assistant.',
        userTexts: [`Is this urgent? Reply yes or no. Message: ${text}`],
        output: i % 2 === 0 ? 'yes' : 'no',
      }),
      call({ userTexts: [`Text: ${text}\nSentiment (positive/negative):`], output: i % 2 === 0 ? 'positive' : 'negative' }),
    ]);
    const { ids, found } = discover(calls);
    expect(found.tasks.map(({ profile }) => profile.calls)).toEqual([90, 90, 90]);
    for (const kind of [0, 1, 2]) expect(new Set(ids.filter((_, i) => i % 3 === kind)).size).toBe(1);
  });

  it('finds prompts that are nearly always the same in a long log', () => {
    const calls = Array.from({ length: 5_000 }, (_, i) =>
      call(
        i % 2 === 0
          ? { system: 'Report the state of the nightly job.', userTexts: ['go'] }
          : { system: `Say hello to room ${i}.`, userTexts: [`from ${i % 3}`] },
      ),
    );
    const { found } = discover(calls);
    expect(found.tasks.map(({ profile }) => profile.calls)).toEqual([2_500, 2_500]);
  });

  it('adds up: every call is in one task or in none, and so is its cost', () => {
    const calls = questions(90).map((text, i) =>
      call({ system: i % 2 === 0 ? `Answer questions about room ${i}. Be brief and polite.` : null, userTexts: [text] }),
    );
    const { found } = discover(calls);
    const all = [...found.tasks.map(({ profile }) => profile), found.unassigned];
    expect(all.reduce((sum, { calls: n }) => sum + n, 0)).toBe(90);
    expect(all.reduce((sum, { cost }) => sum + cost, 0)).toBe(90 * nanoUsd(0.001));
  });
});

const folder = resolve('../shared/data/text');
const bench = await import('../../../bench/audit-log.ts');

describe.skipIf(bench.textFolder(resolve('.')) === null)('task discovery on logs made up from real texts', () => {
  it.each([
    ['twelve templates', false],
    ['prompts that drift', true],
  ])('finds %s with an adjusted Rand index of at least .98 and leaves at most 2 % over', (_, drift) => {
    const discovery = new TaskDiscovery();
    const truth: (string | null)[] = [];
    for (const { call: made, template } of bench.makeLog(folder, { calls: 3_000, seed: 11, drift, bare: 0.01 })) {
      truth.push(template);
      discovery.add(made);
    }
    const found = discovery.finish();
    const templated = truth.flatMap((name, i) => (name === null ? [] : [{ name, id: found.taskOf(i)?.id ?? `none-${i}` }]));
    expect(
      bench.adjustedRandIndex(
        templated.map(({ name }) => name),
        templated.map(({ id }) => id),
      ),
    ).toBeGreaterThanOrEqual(0.98);
    expect(templated.filter(({ id }) => id.startsWith('none-')).length / templated.length).toBeLessThanOrEqual(0.02);
  });
});
