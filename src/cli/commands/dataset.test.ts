import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allRows, DatasetWorld, rowsOf, sentence } from '../../../test/support/dataset-world.ts';

let world: DatasetWorld;
beforeEach(async () => {
  world = await DatasetWorld.open();
});
afterEach(() => world.close());

describe('smallfirst dataset from a file', () => {
  it('builds, shows, exports, and finds what it has built by hash', async () => {
    const rows = Array.from({ length: 120 }, (_, i) => ({ id: i, text: sentence(i), label: ['card', 'loan'][i % 2] }));
    await world.upload('rows.jsonl', [
      ...rows,
      { id: 'twin', text: `${sentence(0)}!`, label: 'card' },
      { id: 'mail', text: 'write to jane@mail.example about other things', label: null },
    ]);
    const first = await world.build('--task', 'sort', '--file', 'rows.jsonl', '--golden', '0.1', '--validation', '0.2');
    expect(first.nodes.map(({ kind, rowsIn, rowsOut, counts }) => [kind, rowsIn, rowsOut, counts])).toEqual([
      ['select', 0, 122, {}],
      ['filter', 122, 122, {}],
      ['review', 122, 122, {}],
      ['scrub', 122, 122, { email: 1, rows: 1 }],
      ['distinct', 122, 121, { duplicate: 1 }],
      ['split', 121, 121, expect.anything()],
    ]);
    const { train, validation, golden } = first.report.rows;
    expect(train + validation + golden).toBe(121);
    expect([validation > 10, golden > 3]).toEqual([true, true]);
    expect(first.report).toMatchObject({
      provenance: { log: 0, upload: 121, 'model-label': 0, human: 0 },
      missingLabels: ['other'],
      privateTexts: { scrubbed: true, found: { email: 1 }, rows: 1 },
    });
    expect((await allRows(first)).find(({ id }) => id === 'mail')).toMatchObject({
      text: 'write to [EMAIL] about other things',
      output: null,
    });
    const again = await world.build();
    expect(again.hash).toBe(first.hash);
    const balanced = await world.build(
      '--task',
      'sort',
      '--file',
      'rows.jsonl',
      '--golden',
      '0.1',
      '--validation',
      '0.2',
      '--max-per-label',
      '20',
    );
    const found = balanced.nodes.map(({ kind, cached }) => [kind, cached]);
    expect(found.slice(1)).toEqual([...['filter', 'review', 'scrub', 'distinct', 'split'].map((kind) => [kind, true]), ['balance', false]]);
    expect(balanced.report.classes?.map((row) => row.train)).toEqual([20, 20, 1]);
    await world.build('--task', 'sort', '--file', 'rows.jsonl', '--golden', '0.1', '--validation', '0.2');
    expect((await world.run('dataset', 'show', 'sorted')).out).toContain('golden');
    const exported = await world.run('dataset', 'export', 'sorted', '--out', 'train.jsonl', '--json');
    expect(exported.documents).toEqual([expect.objectContaining({ rows: train, leftOut: 0, format: 'student', split: 'train' })]);
    const line = JSON.parse((await readFile(join(world.folder, 'train.jsonl'), 'utf8')).split('\n')[0] ?? '') as object;
    expect(Object.keys(line)).toEqual(['id', 'text', 'label']);
  });

  it('freezes the golden set: later builds keep it, and nothing near it is trained on', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({ id: i, text: sentence(i), label: 'card' }));
    await world.upload('rows.jsonl', rows);
    const first = await world.build('--task', 'sort', '--file', 'rows.jsonl', '--golden', '0.2');
    const golden = await rowsOf(first, 'golden');
    const near = golden.map(({ text }, i) => ({ id: `near-${i}`, text: `${text} .`, label: 'loan' }));
    await world.upload('more.jsonl', [
      ...near,
      ...Array.from({ length: 30 }, (_, i) => ({ id: `new-${i}`, text: sentence(i + 200), label: 'loan' })),
    ]);
    const second = await world.build('--task', 'sort', '--file', 'rows.jsonl', '--file', 'more.jsonl', '--golden', '0.2');
    expect(await rowsOf(second, 'golden')).toEqual(golden);
    expect(second.nodes.find(({ kind }) => kind === 'distinct')?.counts).toEqual({ 'near-golden': golden.length * 2 });
    const trained = (await allRows(second)).filter(({ split }) => split !== 'golden').map(({ id }) => id);
    expect(trained.filter((id) => id.startsWith('near-'))).toEqual([]);
    expect(trained.filter((id) => id.startsWith('new-')).length).toBe(30);
    const diff = (await world.run('dataset', 'diff', `sorted@${first.hash}`, 'sorted', '--json')).documents[0];
    expect(diff).toMatchObject({ removed: { train: 0, validation: 0, golden: 0 }, relabelled: 0, nodes: ['select', 'split'] });
  });

  it('says at which line a row is wrong, and refuses what makes no sense', async () => {
    await world.upload('bad.jsonl', [
      { text: 'a', label: 'card' },
      { text: 'b', label: 'dog' },
    ]);
    const wrong = await world.run('dataset', 'build', 'x', '--task', 'sort', '--file', 'bad.jsonl');
    expect(wrong.error).toMatchObject({ code: 'INPUT_INVALID', message: '"dog" is no answer of the task.', position: { line: 2 } });
    expect((await world.run('dataset', 'build', 'x')).error).toMatchObject({ code: 'USAGE' });
    expect((await world.run('dataset', 'build', '../x', '--file', 'bad.jsonl')).error).toMatchObject({ code: 'USAGE' });
    expect((await world.run('dataset', 'build', 'x', '--from-record')).error).toMatchObject({ code: 'USAGE' });
    expect((await world.run('dataset', 'show', 'x')).error).toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await world.upload(
      'good.jsonl',
      Array.from({ length: 30 }, (_, i) => ({ text: sentence(i), label: 'card' })),
    );
    const built = await world.build('--task', 'sort', '--file', 'good.jsonl', '--golden', '0.3');
    expect((await world.run('dataset', 'export', 'sorted', '--split', 'golden', '--out', 'g.jsonl')).error).toMatchObject({
      code: 'USAGE',
    });
    await writeFile(join(built.folder, 'train.jsonl'), '{}\n');
    expect((await world.run('dataset', 'export', 'sorted', '--out', 't.jsonl')).error).toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('flags answers that disagree, and long rows, and leaves flagged rows out where that is asked for', async () => {
    const rows = Array.from({ length: 10 }, (_, i) => ({ id: i, text: sentence(i), label: 'card' }));
    await world.upload('rows.jsonl', [
      ...rows,
      { id: 'contra', text: `${sentence(0)}?`, label: 'loan' },
      { id: 'long', text: `${sentence(20)} ${'very '.repeat(80)}long`, label: 'loan' },
    ]);
    const manifest = await world.build(
      '--task',
      'sort',
      '--file',
      'rows.jsonl',
      '--golden',
      '0',
      '--validation',
      '0',
      '--flag-tokens',
      '70',
    );
    expect(manifest.report.flags).toEqual({ long: 1, 'label-conflict': 2, terms: 0, private: 0 });
    const without = await world.run('dataset', 'export', 'sorted', '--without', 'long,label-conflict', '--out', 'clean.jsonl', '--json');
    expect(without.documents).toEqual([expect.objectContaining({ rows: 9 })]);
  });

  it('writes chats and preferences as their trainers read them', async () => {
    const chat = (i: number) => ({
      id: `c${i}`,
      conversation: `k${i}`,
      messages: [
        { role: 'system', content: 'Help.' },
        { role: 'user', content: sentence(i) },
        { role: 'assistant', content: `Answer ${i}` },
      ],
      ...(i % 2 === 0 ? { rejected: `Bad ${i}` } : {}),
    });
    await world.upload(
      'chats.jsonl',
      Array.from({ length: 20 }, (_, i) => chat(i)),
    );
    const manifest = await world.build('--file', 'chats.jsonl', '--golden', '0', '--validation', '0', '--private', 'keep');
    expect([manifest.task, manifest.output, manifest.until, manifest.report.classes]).toEqual([null, null, null, null]);
    const exported = async (format: string) => {
      await world.run('dataset', 'export', 'sorted', '--format', format, '--out', `${format}.jsonl`);
      return (await readFile(join(world.folder, `${format}.jsonl`), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    };
    const prompt = chat(0).messages.slice(0, 2);
    const answer = { role: 'assistant', content: 'Answer 0' };
    const rejected = { role: 'assistant', content: 'Bad 0' };
    expect(await exported('chat')).toContainEqual({ messages: [...prompt, answer] });
    expect(await exported('dpo')).toContainEqual({
      input: { messages: prompt },
      preferred_output: [answer],
      non_preferred_output: [rejected],
    });
    const preferences = await exported('dpo-trl');
    expect(preferences).toContainEqual({ prompt, chosen: [answer], rejected: [rejected] });
    expect(preferences.length).toBe(10);
    expect(
      (await world.run('dataset', 'export', 'sorted', '--format', 'chat', '--without', 'odd', '--out', 'x.jsonl')).error,
    ).toMatchObject({
      code: 'USAGE',
    });
    expect(await exported('eval')).toContainEqual({ id: 'c0', messages: prompt, expected: 'Answer 0', cluster: 'k0' });
  });
});
