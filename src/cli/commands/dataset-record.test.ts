import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aBareCall } from '../../../test/contracts/calls.ts';
import { DatasetWorld, rowsOf, sentence } from '../../../test/support/dataset-world.ts';
import { storedPair } from '../../../test/support/life-pairs.ts';
import type { DatasetManifest } from '../../dataset/index.ts';
import { answerKey, bodyHash } from '../../run/index.ts';
import type { Store } from '../../store/index.ts';

let world: DatasetWorld;
beforeEach(async () => {
  world = await DatasetWorld.open();
});
afterEach(() => world.close());

/** A recorded request: what the client sent, and what each attempt answered. */
async function record(
  store: Store,
  id: string,
  text: string,
  answers: readonly (readonly [model: string, answer: string])[],
): Promise<void> {
  const request = JSON.stringify({
    model: 'task/sort',
    messages: [
      { role: 'system', content: 'Sort it.' },
      { role: 'user', content: text },
    ],
  });
  await store.bodies.put([{ hash: bodyHash(request), at: 5, body: request }]);
  for (const [i, [model, answer]] of answers.entries()) {
    const isLast = i === answers.length - 1;
    const call = aBareCall({
      task: 'sort',
      requestId: id,
      at: 1_000 + i,
      model,
      provider: 'vllm',
      servedModel: `${model}-1`,
      purpose: i === 0 ? 'answer' : 'escalation',
      outcome: isLast ? 'accepted' : 'escalated',
      bodyHash: bodyHash(request),
    });
    await store.calls.append([call]);
    await store.bodies.put([{ hash: answerKey(call.id), at: 5, body: answer }]);
  }
}

describe('smallfirst dataset from the record', () => {
  it('takes requests and pairs with their worse answers, joins what people said, and knows its cut-off', async () => {
    await world.owned(async (store) => {
      await record(store, 'plain', 'one about a card', [['small', 'card']]);
      await record(store, 'escalated', 'two about the lending of money', [
        ['small', 'other'],
        [
          'big',
          JSON.stringify({
            id: 'x',
            object: 'chat.completion',
            model: 'big-1',
            choices: [{ index: 0, message: { role: 'assistant', content: 'Loan.' }, finish_reason: 'stop' }],
          }),
        ],
      ]);
      await record(store, 'odd', 'three is answered by prose', [['big', 'I think that this is about a card or a loan']]);
      await store.calls.append([aBareCall({ task: 'sort', requestId: 'textless', at: 1_000 })]);
      await store.pairs.append([
        storedPair({
          id: 'pair',
          task: 'sort',
          big: 'big',
          input: 'four came as a pair',
          smallOutput: 'loan',
          bigOutput: 'card',
          smallQuality: 0,
          drawn: 'audit',
          servedBig: 'big-1',
        }),
        storedPair({
          id: 'reviewed',
          task: 'sort',
          big: 'big',
          input: 'five was corrected by a person',
          smallOutput: 'loan',
          bigOutput: 'card',
          smallQuality: 0,
        }),
        storedPair({ id: 'blank', task: 'sort', big: 'big' }),
      ]);
      await store.feedback.append([
        { id: '1', requestId: 'reviewed', at: 7, key: 'label:ann', label: 'loan', score: null, comment: '{"sample":"active"}' },
        {
          id: '2',
          requestId: 'plain',
          at: 8,
          key: 'label:ann',
          label: null,
          score: null,
          comment: '{"sample":"uniform","state":"skipped"}',
        },
      ]);
    });
    const before = Date.now();
    const manifest = await world.build('--task', 'sort', '--from-record', '--golden', '0', '--validation', '0');
    expect(manifest.until).toBeGreaterThanOrEqual(before);
    expect(manifest.nodes.map(({ kind, counts }) => [kind, counts])).toEqual([
      ['select', { 'invalid-answer': 1, 'no-text': 2 }],
      ['filter', {}],
      ['review', { reviewed: 1, corrected: 1, unlabelled: 1 }],
      ['scrub', {}],
      ['distinct', {}],
      ['split', { units: 4, train: 4 }],
    ]);
    const rows = await rowsOf(manifest, 'train');
    const shown = rows.map(({ id, text, output, rejected, provenance, drawn, teacher }) => ({
      id,
      text,
      output,
      rejected,
      provenance,
      drawn,
      teacher,
    }));
    expect(shown.sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      {
        id: 'escalated',
        text: 'two about the lending of money',
        output: 'loan',
        rejected: 'other',
        provenance: 'log',
        drawn: 'escalated',
        teacher: { model: 'big', provider: 'vllm', served: 'big-1' },
      },
      {
        id: 'pair',
        text: 'four came as a pair',
        output: 'card',
        rejected: 'loan',
        provenance: 'log',
        drawn: 'audit',
        teacher: { model: 'big', provider: 'vllm', served: 'big-1' },
      },
      {
        id: 'plain',
        text: 'one about a card',
        output: 'card',
        rejected: null,
        provenance: 'log',
        drawn: 'traffic',
        teacher: { model: 'small', provider: 'vllm', served: 'small-1' },
      },
      {
        id: 'reviewed',
        text: 'five was corrected by a person',
        output: 'loan',
        rejected: 'card',
        provenance: 'human',
        drawn: 'active',
        teacher: null,
      },
    ]);
    expect(rows.find(({ id }) => id === 'plain')?.messages?.[0]).toEqual({ role: 'system', content: 'Sort it.' });
    const only = await world.build('--task', 'sort', '--from-record', '--only', 'escalated', '--golden', '0', '--validation', '0');
    expect((await rowsOf(only, 'train')).map(({ id }) => id)).toEqual(['escalated']);
  });
});

describe('smallfirst dataset relabelled by a model', () => {
  const questions = Array.from({ length: 12 }, (_, i) => ({ id: `q${i}`, text: sentence(i), ...(i < 2 ? { label: 'other' } : {}) }));
  const source = ['--task', 'sort', '--file', 'rows.jsonl', '--golden', '0', '--validation', '0', '--relabel', 'big', '--concurrency', '1'];
  const relabel = (manifest: DatasetManifest) => manifest.nodes.find(({ kind }) => kind === 'relabel');

  it('estimates first, keeps to its cap, goes on where it stopped, and pays for nothing twice', async () => {
    await world.upload('rows.jsonl', questions);
    world.upstream.script('big-1', (body) => ({
      tokens: [{ text: /Q: [0-7]/.test(JSON.stringify(body)) ? 'loan' : 'card' }],
      inputTokens: 20,
    }));
    const estimate = (await world.run('dataset', 'build', 'sorted', ...source, '--estimate', '--json')).documents[0] as {
      rows: number;
      cached: number;
      worstUsd: number;
    };
    expect([estimate.rows, estimate.cached]).toEqual([10, 0]);
    expect((await world.run('dataset', 'build', 'sorted', ...source)).error).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('10 rows by "big" costs at most $'),
    });
    expect(world.upstream.calls.length).toBe(0);
    const some = await world.build(...source, '--max-cost', String(estimate.worstUsd / 5));
    const asked = world.upstream.calls.length;
    // A call costs less than it may cost, so a fifth of the worst case buys more than a fifth of the rows.
    expect([asked > 2, asked < 10]).toEqual([true, true]);
    expect(relabel(some)?.counts).toEqual({ relabelled: asked, 'over-budget': 10 - asked });
    expect(relabel(some)?.cost).toBe(asked * (20 * 10_000 + 20_000));
    const rest = await world.build(...source, '--max-cost', '1');
    expect(world.upstream.calls.length).toBe(10);
    expect(relabel(rest)?.counts).toEqual({ relabelled: 10, 'relabel-cached': asked });
    const rows = await rowsOf(rest, 'train');
    expect(rows.filter(({ provenance }) => provenance === 'model-label').every(({ teacher }) => teacher?.model === 'big')).toBe(true);
    expect(rows.find(({ id }) => id === 'q0')).toMatchObject({ output: 'other', provenance: 'upload' });
    expect(world.upstream.calls[0]?.body.messages).toEqual([
      { role: 'system', content: 'Sort it.' },
      { role: 'user', content: `Q: ${sentence(2)}` },
    ]);
    // Every dollar is in the bill.
    const calls = await world.owned((store) => store.calls.list({ task: 'sort' }, { limit: 100 }));
    expect(calls.map(({ purpose, cost, tags }) => [purpose, cost, tags])).toEqual(
      Array.from({ length: 10 }, () => ['eval', 220_000, { dataset: 'sorted' }]),
    );
  });

  it('survives answers that are none and calls that fail, and refuses a model without a price', async () => {
    await world.upload('rows.jsonl', questions);
    let n = 0;
    world.upstream.script('big-1', () => {
      n += 1;
      return n === 1
        ? { tokens: [{ text: 'no idea' }] }
        : n === 2
          ? { tokens: [{ text: 'ca' }], stop: 'length' }
          : { tokens: [{ text: 'card' }] };
    });
    // Beside a gateway that owns the data.
    const manifest = await world.owned(() => world.build(...source, '--max-cost', '1', '--relabel-which', 'all'));
    expect(relabel(manifest)?.counts).toEqual({ relabelled: 10, 'relabel-invalid': 1, 'relabel-failed': 1 });
    expect(
      (await world.run('dataset', 'build', 'sorted', '--task', 'sort', '--file', 'rows.jsonl', '--relabel', 'free', '--max-cost', '1'))
        .error,
    ).toMatchObject({ code: 'BUDGET_UNPRICED' });
  });
});
