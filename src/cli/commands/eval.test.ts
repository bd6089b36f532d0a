import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SmallfirstError } from '../../core/index.ts';
import type { EvalReport } from '../../eval/index.ts';
import type { CommandIo } from '../io.ts';
import { readPairs } from './certify-pairs.ts';
import { type EvalCommandOptions, runEval } from './eval.ts';

const CONFIG = `version: 1
models:
  bad: { provider: replay, data: answers.jsonl, price: { input: 0.1, output: 0.4 } }
  good: { provider: replay, data: answers.jsonl, price: { input: 0.2, output: 0.8 } }
  big: { provider: replay, data: answers.jsonl, price: { sameAs: { provider: openai, model: gpt-4o } } }
tasks:
  sort: { output: { kind: label, labels: [card, loan] }, ladder: [bad, good, big], prompt: "Sort: {{input}}" }
`;

interface Terminal extends CommandIo {
  readonly said: { out: string; notes: string[]; documents: unknown[] };
}

function terminal(cwd: string, signal = new AbortController().signal): Terminal {
  const said: Terminal['said'] = { out: '', notes: [], documents: [] };
  return {
    said,
    out: (text) => {
      said.out += text;
    },
    json: (document) => said.documents.push(document),
    note: (text) => said.notes.push(text),
    progress: () => ({ advance: () => {}, end: () => {} }),
    env: {},
    cwd,
    signal,
    width: 120,
  };
}

async function project(items: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'eval-command-'));
  const ids = Array.from({ length: items }, (_, i) => i);
  const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  await writeFile(join(folder, 'smallfirst.yaml'), CONFIG);
  await writeFile(join(folder, 'set.jsonl'), lines(ids.map((id) => ({ id, text: `item ${id}`, expected: 'card' }))));
  const answer = (text: string, token: number) => ({
    text,
    latencyMs: 20,
    signals: { stated: token },
    usage: { freshInput: 100, output: 2 },
  });
  const answers = (id: number) => ({ bad: answer(id % 4 === 0 ? 'loan' : 'card', 0.6), good: answer('card', 0.9), big: answer('card', 1) });
  await writeFile(join(folder, 'answers.jsonl'), lines(ids.map((id) => ({ id, answers: answers(id) }))));
  return folder;
}

const options = (parts: Partial<EvalCommandOptions> = {}): EvalCommandOptions => ({
  config: 'smallfirst.yaml',
  task: 'sort',
  set: 'set.jsonl',
  data: '.smallfirst',
  json: false,
  ...parts,
});

describe('smallfirst eval', () => {
  it('draws models side by side and candidates beside the ceiling', async () => {
    const io = terminal(await project(200));
    expect(await runEval(options(), io)).toBe(0);
    expect(io.said.out.split('\n')).toEqual([
      'sort: 200 items, metric exact',
      '',
      'model            n  quality     95 % interval  macro-F1  $ / 1,000  p50 ms  p95 ms  invalid  errors',
      '───────────────────────────────────────────────────────────────────────────────────────────────────',
      'bad            200   75.0 %   68.6 % – 80.5 %     0.429     0.0108      20      20        0       0',
      'good           200  100.0 %  98.1 % – 100.0 %     1.000     0.0216      20      20        0       0',
      'big (ceiling)  200  100.0 %  98.1 % – 100.0 %     1.000      0.270      20      20        0       0',
      '',
      'ceiling big · floor 98.0 % (keep 98.0 % of the ceiling, 95 % confidence)',
      '',
      expect.stringMatching(/^beside big +keeps +difference +95 % interval +lost +gained +McNemar p +verdict$/),
      expect.stringMatching(/^─+$/),
      expect.stringMatching(/^bad +75\.0 % +-25\.0 +-3\d\.\d to -1\d\.\d +50 +0 +1\.8e-15 +FAIL$/),
      expect.stringMatching(/^good +100\.0 % +0\.0 +0\.0 to 0\.0 +0 +0 +1\.0 +PASS$/),
      '',
      'FAIL: bad keeps 75.0 %, which is surely less than 98.0 %.',
      expect.stringMatching(/^PASS: good keeps 100\.0 %, at least 98\.\d %\.$/),
      '',
      'Where bad loses to big, for example:',
      '  item 0: loan against card, expected card',
      '  item 4: loan against card, expected card',
      '  item 8: loan against card, expected card',
      '',
      'Note: Recorded answers are priced at what their calls would cost; nothing was spent on them.',
      'Note: Each verdict is a statement of its own at 95 %; they are not promised together.',
      '',
      '600 cells asked, 0 kept from earlier runs · spent $0.0000',
      '',
    ]);
  });

  it('answers 1 when a candidate that was named does not pass', async () => {
    const folder = await project(200);
    expect(await runEval(options({ models: ['bad', 'good'] }), terminal(folder))).toBe(1);
    expect(await runEval(options({ models: ['good'] }), terminal(folder))).toBe(0);
    expect(await runEval(options({ models: ['big'] }), terminal(folder))).toBe(0);
    expect(await runEval(options({ models: ['good'], limit: 20 }), terminal(folder))).toBe(1);
  });

  it('prints one JSON document and writes pairs that certify reads', async () => {
    const folder = await project(50);
    const io = terminal(folder);
    expect(await runEval(options({ models: ['bad'], pairs: 'out/pairs.jsonl', json: true }), io)).toBe(1);
    expect(io.said.out).toBe('');
    expect(io.said.documents).toHaveLength(1);
    expect(io.said.documents[0] as EvalReport).toMatchObject({ task: 'sort', ceiling: 'big', cells: { planned: 100 } });
    const pairs = await readPairs(join(folder, 'out', 'pairs.jsonl'), 'score');
    expect(pairs).toHaveLength(50);
    expect(JSON.parse((await readFile(join(folder, 'out', 'pairs.jsonl'), 'utf8')).split('\n')[0] ?? '')).toEqual({
      id: '0',
      small: { quality: 0, costUsd: 0.0000108, latencyMs: 20, confidence: 0.6 },
      big: { quality: 1, costUsd: 0.00027, latencyMs: 20 },
    });
  });

  it('goes on after Ctrl-C where it stopped', async () => {
    const folder = await project(30);
    const controller = new AbortController();
    const io = {
      ...terminal(folder, controller.signal),
      progress: () => ({ advance: (done: number) => done >= 30 && controller.abort(), end: () => {} }),
    } as Terminal;
    expect(await runEval(options({ models: ['good'], json: true, pairs: 'pairs.jsonl', concurrency: 1 }), io)).toBe(1);
    expect(io.said.documents[0]).toMatchObject({ stopped: 'aborted', cells: { asked: 30, found: 0 } });
    expect(io.said.notes).toContain('The run was stopped. Finished cells are kept: the same command goes on where it stopped.');
    await expect(readFile(join(folder, 'pairs.jsonl'))).rejects.toThrow('ENOENT');
    const again = terminal(folder);
    await runEval(options({ models: ['good'], json: true }), again);
    expect(again.said.documents[0]).toMatchObject({ stopped: null, cells: { asked: 30, found: 30 } });
  });

  it.each([
    [{ task: 'srot' }, 'TASK_NOT_FOUND', /has no task "srot"\. Did you mean "sort"\?$/],
    [{ models: ['god'] }, 'MODEL_NOT_FOUND', /has no model "god"\. Did you mean "good"\?$/],
    [{ pairs: 'p.jsonl' }, 'USAGE', /^--pairs takes one candidate beside the ceiling, and there are 2/],
    [{ set: 'none.jsonl' }, 'INPUT_NOT_FOUND', /cannot be read/],
    [{ config: 'none.yaml' }, 'CONFIG_NOT_FOUND', /there is no such file/],
  ])('says what is wrong with %j and leaves the data directory free', async (parts, code, message) => {
    const folder = await project(5);
    const error = await runEval(options(parts), terminal(folder)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SmallfirstError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    await runEval(options(), terminal(folder));
  });
});
