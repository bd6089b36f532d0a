import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PipelineConfig, PipelineStep } from '../../config/index.ts';
import { type EpochMs, ZERO_USD } from '../../core/index.ts';
import type { PipelineWorld, StepAnswer, StepAsk } from '../../pipeline/index.ts';
import { AnswerBook } from './answer-book.ts';
import { Parked } from './batch-calls.ts';
import { Rehearsal } from './rehearsal.ts';
import { Rounds } from './rounds.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'provider-mode-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the answer book', () => {
  const answer = (body: string) => ({ kind: 'answer', body }) as const;

  it('keeps what came of calls over a restart, once from each place, and cuts off a torn line', () => {
    const book = new AnswerBook(folder);
    book.add(3, '3-a', 'batch-1', { kind: 'error', again: true, message: 'expired' });
    book.add(3, '3-a', 'batch-2', answer('schön'));
    book.add(3, '3-a', 'batch-2', answer('again'));
    book.close();
    appendFileSync(join(folder, '000000.jsonl'), '{"id":"3-b","from":"ba');
    const next = new AnswerBook(folder);
    expect(next.of(3, '3-a')).toEqual([{ kind: 'error', again: true, message: 'expired' }, answer('schön')]);
    expect(next.of(3, '3-b')).toEqual([]);
    next.add(3, '3-b', 'batch-2', answer('whole'));
    next.close();
    const last = new AnswerBook(folder);
    expect(last.of(3, '3-b')).toEqual([answer('whole')]);
    last.close();
  });

  it('finds answers of more rows than it keeps places of in memory', () => {
    const book = new AnswerBook(folder);
    const rows = Array.from({ length: 40 }, (_, i) => i * 4_096);
    for (const row of rows) book.add(row, `${row}-x`, 'batch', answer(`answer ${row}`));
    expect(rows.map((row) => book.of(row, `${row}-x`))).toEqual(rows.map((row) => [answer(`answer ${row}`)]));
    book.close();
  });
});

describe('the rounds of a job', () => {
  const line = (i: number): Buffer => Buffer.from(`{"custom_id":"${i}-x"}\n`);

  it('become one whole, with a batch for each model and another one where a provider takes no more', () => {
    const rounds = new Rounds(folder, 'job');
    const writer = rounds.begin();
    for (let i = 0; i < 5; i += 1) writer.add(i === 1 ? 'big' : 'small', line(i), ZERO_USD, { requests: 2, bytes: 1_000 });
    rounds.finish(writer);
    const seen = (found: Rounds) => found.batches.map(({ card, name }) => [name, card.model, card.requests, card.bytes, card.state]);
    expect(seen(rounds)).toEqual([
      ['smallfirst-job-1-00000', 'small', 2, line(0).length * 2, 'ready'],
      ['smallfirst-job-1-00001', 'big', 1, line(0).length, 'ready'],
      ['smallfirst-job-1-00002', 'small', 2, line(0).length * 2, 'ready'],
    ]);
    rounds.batches[0]?.change({ state: 'sent', id: 'b1' });
    const again = new Rounds(folder, 'job');
    expect([again.count, seen(again)]).toEqual([1, seen(rounds)]);
  });

  it('are forgotten where a process ended while it wrote one', () => {
    new Rounds(folder, 'job').begin().add('small', line(0), null, { requests: 2, bytes: 1_000 });
    expect(new Rounds(folder, 'job').batches).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a rehearsal', () => {
  const step = (name: string): PipelineStep => ({ name }) as PipelineStep;
  const [first, left, right, after] = [step('first'), step('left'), step('right'), step('after')];
  const pipeline = {
    nodes: [
      { ...first, kind: 'step' },
      { kind: 'parallel', branches: [[left, step('left2')], [right]] },
      { ...after, kind: 'step' },
    ],
  } as unknown as PipelineConfig;
  const ask = (of: PipelineStep, index: number | null = null): StepAsk => ({ step: of, index, pipeline }) as StepAsk;

  function rehearse(parks: readonly string[]) {
    const asked: string[] = [];
    const world: PipelineWorld = {
      now: () => 0 as EpochMs,
      costOf: () => ZERO_USD,
      answer: async ({ step: { name }, index }) => {
        asked.push(index === null ? name : `${name}#${index}`);
        if (parks.includes(name)) throw new Parked();
        return { output: name } as unknown as StepAnswer;
      },
    };
    return { asked, rehearsal: new Rehearsal(world) };
  }

  it('asks what lies beside a call that waits, and nothing that comes after it', async () => {
    const { asked, rehearsal } = rehearse(['left']);
    for (const one of [first, left, right, step('left2'), after]) await rehearsal.world.answer(ask(one));
    expect([asked, rehearsal.isParked]).toEqual([['first', 'left', 'right'], true]);
  });

  it('asks every item of a fan-out although each waits', async () => {
    const { asked, rehearsal } = rehearse(['first']);
    for (let i = 0; i < 12; i += 1) await rehearsal.world.answer(ask(first, i));
    await rehearsal.world.answer(ask(after));
    expect(asked).toEqual(Array.from({ length: 12 }, (_, i) => `first#${i}`));
  });

  it('passes on an error that is none of a missing answer', async () => {
    const { rehearsal } = rehearse([]);
    const failing = new Rehearsal({ ...rehearsal.world, answer: () => Promise.reject(new Error('broken')) });
    await expect(failing.world.answer(ask(first))).rejects.toThrow('broken');
    expect(failing.isParked).toBe(false);
  });
});
