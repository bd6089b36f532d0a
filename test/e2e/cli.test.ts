import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/statistics/index.ts';
import { documentIn, type Finished, smallfirst, start, until } from '../support/cli.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'smallfirst-cli-'));
  writeFileSync(join(folder, 'smallfirst.yaml'), CONFIG);
  write('train.jsonl', 240, (i) => ({ text: `${WORDS[i % 3]} number ${i}`, label: LABELS[i % 3] }));
  write('set.jsonl', 300, (i) => ({ id: `i${i}`, text: `message ${i}`, expected: LABELS[i % 3] }));
  write('many.jsonl', 6000, (i) => ({ id: `i${i}`, text: `message ${i}`, expected: LABELS[i % 3] }));
  write('recording.jsonl', 6000, (i) => ({
    id: `i${i}`,
    answers: {
      small: { text: LABELS[i % 10 === 0 ? (i + 1) % 3 : i % 3], latencyMs: 80, signals: { probability: i % 10 === 0 ? 0.4 : 0.9 } },
      big: LABELS[i % 3],
    },
  }));
});
afterAll(() => rmSync(folder, { recursive: true }));

const LABELS = ['billing', 'bug', 'praise'];
const WORDS = ['invoice refund card', 'crash error screen', 'great thanks lovely'];
const CONFIG = `version: 1
models:
  small: { provider: replay, data: recording.jsonl, price: { sameAs: { provider: openai, model: gpt-4o-mini } } }
  big: { provider: replay, data: recording.jsonl, price: { sameAs: { provider: openai, model: gpt-4o } } }
tasks:
  triage:
    output: { kind: label, labels: [billing, bug, praise] }
    ladder: [small, big]
`;

function write(name: string, n: number, row: (i: number) => object): string {
  writeFileSync(join(folder, name), Array.from({ length: n }, (_, i) => `${JSON.stringify(row(i))}\n`).join(''));
  return name;
}

const run = (...args: readonly string[]): Promise<Finished> => smallfirst(folder, args);

interface Certificate extends Record<string, unknown> {
  readonly accepted: number;
  readonly savings: number | null;
  readonly threshold: number | null;
  readonly counts: object;
  readonly grid: readonly { readonly threshold: number; readonly accepted: number; readonly p: number }[];
}

/** Certifies rows and gives the document, which must be all that was printed. */
async function certified(name: string, n: number, row: (i: number) => object, ...more: readonly string[]) {
  const finished = await run('certify', '--pairs', write(name, n, row), '--json', ...more);
  return { exit: finished.exit, err: finished.err, document: documentIn<Certificate>(finished) };
}

const FIELDS = ['n', 'floor', 'level', 'method', 'verdict', 'threshold', 'accepted', 'retained', 'retainedLowerBound'];
const MORE_FIELDS = ['counts', 'savings', 'pairsNeeded', 'grid', 'look', 'delta'];
const same = (i: number) => ({ id: i, small: { quality: 1 }, big: { quality: 1 } });

describe('certify, as other tools call it', () => {
  it('prints every field of the interface and exits 0 on a swap, whose threshold is null', async () => {
    const { exit, err, document } = await certified('swap.jsonl', 400, same);
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(Object.keys(document)).toEqual(expect.arrayContaining([...FIELDS, ...MORE_FIELDS]));
    // Without any confidence the grid is one point that accepts all.
    expect(document).toMatchObject({ n: 400, floor: 0.98, level: 0.95, method: 'score', verdict: 'swap', threshold: null, accepted: 1 });
    expect(document).toMatchObject({
      savings: null,
      pairsNeeded: null,
      look: null,
      delta: 0.04,
      counts: { kept: 400, lost: 0, gained: 0 },
    });
    expect(document.grid).toEqual([{ threshold: 0, accepted: 1, p: expect.any(Number) }]);
  });

  it('accepts from the threshold on, escalates rows without confidence, and walks at most 40 points of the file down to its minimum', async () => {
    const random = seededRandom(11);
    const rows = Array.from({ length: 2000 }, (_, i) => {
      const confidence = i % 20 === 0 ? undefined : Number(random.next().toFixed(6));
      const quality = random.next() < 0.55 + 0.6 * (confidence ?? 0) ? 1 : 0;
      return {
        id: `r${i}`,
        small: { quality, confidence, costUsd: 0.0001 },
        big: { quality: random.next() < 0.95 ? 1 : 0, costUsd: 0.002 },
      };
    });
    const { exit, document } = await certified('cascade.jsonl', rows.length, (i) => rows[i] ?? {});
    expect({ exit, verdict: document.verdict }).toEqual({ exit: 0, verdict: 'cascade' });
    const threshold = document.threshold ?? Number.NaN;
    const known = rows.flatMap(({ small }) => (small.confidence === undefined ? [] : [small.confidence]));
    const accepted = rows.filter(({ small }) => small.confidence !== undefined && small.confidence >= threshold);
    expect(document.accepted).toBeCloseTo(accepted.length / rows.length, 12);
    const thresholds = document.grid.map((point) => point.threshold);
    expect(thresholds.length).toBeLessThanOrEqual(40);
    expect(thresholds).toEqual([...new Set(thresholds)].sort((a, b) => b - a));
    expect(thresholds.every((value) => known.includes(value))).toBe(true);
    expect(document.grid.at(-1)).toMatchObject({ threshold: Math.min(...known), accepted: known.length / rows.length });
    const deployed = (row: (typeof rows)[number]) => (accepted.includes(row) ? row.small.quality : row.big.quality);
    expect(document.counts).toEqual({
      kept: rows.filter((row) => row.big.quality === 1 && deployed(row) === 1).length,
      lost: rows.filter((row) => row.big.quality === 1 && deployed(row) === 0).length,
      gained: rows.filter((row) => row.big.quality === 0 && deployed(row) === 1).length,
    });
    // The small model is asked for every request, the big one for what is escalated.
    const cost = rows.length * 0.0001 + (rows.length - accepted.length) * 0.002;
    expect(document.savings).toBeCloseTo(1 - cost / (rows.length * 0.002), 9);
  });

  it.each([
    ['not-enough-evidence', 100, same],
    ['floor-missed', 400, (i: number) => ({ id: i, small: { quality: i % 2 }, big: { quality: 1 } })],
    ['not-worth-it', 400, (i: number) => ({ id: i, small: { quality: 1, costUsd: 2 }, big: { quality: 1, costUsd: 1 } })],
  ])('exits 1 when the frontier stays: %s', async (reason, n, row) => {
    const { exit, document } = await certified(`${reason}.jsonl`, n, row);
    expect({ exit, verdict: document.verdict, reason: document.reason }).toEqual({ exit: 1, verdict: 'frontier', reason });
    expect({ threshold: document.threshold, accepted: document.accepted }).toEqual({ threshold: null, accepted: 0 });
  });

  it('knows no retained share where the frontier got nothing right', async () => {
    const { exit, document } = await certified('nothing.jsonl', 400, (i) => ({ id: i, small: { quality: 0 }, big: { quality: 0 } }));
    expect(exit).toBe(1);
    expect(document).toMatchObject({ verdict: 'frontier', retained: null, retainedLowerBound: null });
  });

  it('takes floor, level, method, look and seed, and counts clusters', async () => {
    const args = ['--floor', '0.9', '--level', '0.9', '--method', 'evalue', '--seed', '3'] as const;
    const { document } = await certified('evalue.jsonl', 300, same, ...args);
    expect(document).toMatchObject({ floor: 0.9, level: 0.9, method: 'evalue', delta: 0.1, verdict: 'swap' });
    expect(document.grid.every(({ p }) => p >= 0 && p <= 1)).toBe(true);
    expect((await certified('look.jsonl', 400, same, '--look', '2')).document).toMatchObject({ look: 2, delta: 0.01 });
    const clustered = await certified('clusters.jsonl', 900, (i) => ({ ...same(i), cluster: `c${i % 450}` }));
    expect(clustered.document).toMatchObject({ n: 450, pairs: 900 });
    expect((await certified('harm.jsonl', 400, same, '--method', 'clopper-pearson')).document).toMatchObject({
      delta: 0.05,
      verdict: 'swap',
    });
  });
});

describe('every --json command', () => {
  it.each([
    ['models', ['models', '--filter', 'haiku', '--json'], 0],
    ['models of a config', ['models', '--config', 'smallfirst.yaml', '--json'], 0],
    ['eval', ['eval', '--task', 'triage', '--set', 'set.jsonl', '--data', 'json', '--json'], 1],
    ['demo', ['demo', '--json'], 0],
  ])('prints exactly one document on stdout: %s', async (_, args, exit) => {
    const finished = await run(...args);
    expect(finished.exit).toBe(exit);
    expect(documentIn(finished)).toEqual(expect.any(Object));
  });

  it('keeps state in .smallfirst unless --data says otherwise, where the bill finds it', async () => {
    const fresh = mkdtempSync(join(folder, 'default-'));
    const inFresh = (...args: readonly string[]) => smallfirst(fresh, args);
    expect(await inFresh('bill', '--json')).toMatchObject({ exit: 2, out: '', err: expect.stringContaining('no data directory') });
    const evaluated = await inFresh(
      'eval',
      '--config',
      '../smallfirst.yaml',
      '--task',
      'triage',
      '--set',
      '../set.jsonl',
      '--limit',
      '20',
      '--json',
    );
    expect(evaluated.exit).toBe(1);
    expect(readdirSync(fresh)).toEqual(['.smallfirst']);
    const bill = await inFresh('bill', '--json');
    expect({ exit: bill.exit, costUsd: documentIn(bill).costUsd }).toEqual({ exit: 0, costUsd: 0 });
  });

  it('ends quietly when stdout is closed early', async () => {
    const running = start(folder, ['models', '--json']);
    running.closeOutput();
    expect(await running.finished).toEqual({ exit: 0, out: '', err: '' });
  });

  it('writes no terminal codes where there is no terminal', async () => {
    const finished = await run('eval', '--task', 'triage', '--set', 'set.jsonl', '--data', 'plain');
    expect(finished.exit).toBe(1);
    expect(finished.out + finished.err).not.toContain('\u001b');
  });
});

describe('eval', () => {
  it('stops at Ctrl-C, keeps what is finished, lets one process at a time own its state, and goes on to the same result', async () => {
    const args = ['eval', '--task', 'triage', '--set', 'many.jsonl', '--data', 'state', '--json'];
    const first = start(folder, args);
    await until(() => existsSync(join(folder, 'state', 'owner.pid')), 'the lock');
    const second = await run(...args);
    expect(second).toMatchObject({ exit: 2, out: '', err: expect.stringContaining(`is owned by process ${first.pid}`) });
    first.interrupt();
    const stopped = await first.finished;
    expect({ exit: stopped.exit, stopped: documentIn(stopped).stopped }).toEqual({ exit: 1, stopped: 'aborted' });
    const { asked } = documentIn<{ cells: { asked: number } }>(stopped).cells;
    const resumed = documentIn<Record<string, unknown>>(await run(...args));
    expect(resumed.cells).toEqual({ planned: 12_000, asked: 12_000 - asked, found: asked, errors: 0 });
    const whole = documentIn<Record<string, unknown>>(await run(...args.with(6, 'other')));
    const figures = ({ models, comparisons, floor }: Record<string, unknown>) => ({ models, comparisons, floor });
    expect(figures(resumed)).toEqual(figures(whole));
  });

  it('writes pairs that certify takes as they are, and spends on its own verdict no more than look 1 at them', async () => {
    const args = ['eval', '--task', 'triage', '--set', 'many.jsonl', '--models', 'small', '--data', 'pairs', '--json'];
    const bound = (finished: Finished) =>
      documentIn<{ comparisons: { retainedLowerBound: number }[] }>(finished).comparisons[0]?.retainedLowerBound;
    const first = bound(await run(...args, '--pairs', 'from-eval.jsonl'));
    expect(first).toBeLessThan(bound(await run(...args)) ?? 0);
    const finished = await run('certify', '--pairs', 'from-eval.jsonl', '--look', '2', '--json');
    expect(finished.exit).toBe(0);
    expect(documentIn(finished)).toMatchObject({ n: 6000, verdict: 'cascade', threshold: 0.9, accepted: 0.9, look: 2 });
  });
});

describe('student', () => {
  it('trains and predicts: figures in the document, and a row per input row, in order, with its id', async () => {
    const trained = await run('student', 'train', '--data', 'train.jsonl', '--out', 'student', '--json');
    expect(trained.exit).toBe(0);
    expect(documentIn(trained)).toMatchObject({ rows: 240, classes: 3 });
    // A label that it does not know makes the row out of scope: accuracy is over the others, and the file is not wrong.
    write('gold.jsonl', 4, (i) => ({ id: `g${i}`, text: `${WORDS[i % 3]} again`, label: i === 3 ? 'legal' : LABELS[i % 3] }));
    const predicted = await run('student', 'predict', '--student', 'student', '--data', 'gold.jsonl', '--rows', 'rows.jsonl', '--json');
    expect({ exit: predicted.exit, err: predicted.err }).toEqual({ exit: 0, err: '' });
    const document = documentIn<Record<string, unknown>>(predicted);
    expect(document).toMatchObject({
      ...{ n: 4, labelled: 4, inScope: 3, outOfScope: 1, accuracy: 1 },
      latencyUs: { p50: expect.any(Number), p99: expect.any(Number) },
    });
    for (const field of ['macroF1', 'ece', 'aurc', 'coverage95', 'coverage98']) expect(document[field]).toEqual(expect.any(Number));
    const rows = readFileSync(join(folder, 'rows.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    const certainty = { confidence: expect.any(Number) as unknown, inScope: expect.any(Number) as unknown, outOfScope: false };
    expect(rows).toEqual([0, 1, 2, 0].map((label, i) => ({ id: `g${i}`, label: LABELS[label], ...certainty })));
    write('unlabelled.jsonl', 3, (i) => ({ text: WORDS[i] }));
    const unlabelled = await run('student', 'predict', '--student', 'student', '--data', 'unlabelled.jsonl', '--json');
    expect({ exit: unlabelled.exit, ...documentIn(unlabelled) }).toMatchObject({ exit: 0, n: 3, labelled: 0, accuracy: null });
  });

  it('stops training at Ctrl-C and leaves nothing behind', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const training = start(folder, ['student', 'train', '--data', 'pipe', '--out', 'never']);
    // The pipe opens when the program reads: it runs by then, and has not begun to train.
    const file = await open(pipe, 'w');
    const random = seededRandom(5);
    const word = () => `w${Math.floor(random.next() * 3000)}`;
    for (let i = 0; i < 4000; i += 1) {
      await file.write(`${JSON.stringify({ text: Array.from({ length: 12 }, word).join(' '), label: `l${i % 40}` })}\n`);
    }
    await file.close();
    training.interrupt();
    expect(await training.finished).toMatchObject({ exit: 2, out: '', err: expect.stringContaining('interrupted; nothing was written') });
    expect(readdirSync(folder).filter((name) => name.includes('never'))).toEqual([]);
  });
});

describe('a mistake', () => {
  const broken = (good: object) => `${JSON.stringify(good)}\n{"id": "b",,}\n`;

  it.each([
    ['certify', { id: 'a', small: { quality: 1 }, big: { quality: 1 } }, ['certify', '--pairs', 'broken.jsonl', '--json']],
    ['eval', { text: 'a', expected: 'bug' }, ['eval', '--task', 'triage', '--set', 'broken.jsonl', '--data', 'broken', '--json']],
    ['student train', { text: 'a', label: 'b' }, ['student', 'train', '--data', 'broken.jsonl', '--out', 'unborn', '--json']],
  ])('in a row is named with its line, and nothing is written: %s', async (_, good, args) => {
    writeFileSync(join(folder, 'broken.jsonl'), broken(good));
    const finished = await run(...args);
    expect({ exit: finished.exit, out: finished.out }).toEqual({ exit: 2, out: '' });
    expect(finished.err).toMatch(/^error: .*broken\.jsonl:2\b.*JSON/);
    expect(existsSync(join(folder, 'unborn'))).toBe(false);
  });

  it('in the pairs is named: duplicate ids, and graded quality for Clopper-Pearson', async () => {
    write('twice.jsonl', 2, () => same(1));
    expect(await run('certify', '--pairs', 'twice.jsonl')).toMatchObject({
      exit: 2,
      out: '',
      err: expect.stringContaining('twice.jsonl:2'),
    });
    write('graded.jsonl', 1, () => ({ id: 1, small: { quality: 0.5 }, big: { quality: 1 } }));
    const graded = await run('certify', '--pairs', 'graded.jsonl', '--method', 'clopper-pearson');
    expect(graded).toMatchObject({ exit: 2, out: '', err: expect.stringContaining('graded.jsonl:1') });
  });

  it('in the config is named with line and column: a typo, a version, an unset variable', async () => {
    const models = async (text: string, env: Record<string, string> = {}) => {
      writeFileSync(join(folder, 'other.yaml'), text);
      return smallfirst(folder, ['models', '--config', 'other.yaml', '--json'], env);
    };
    const typo = await models(CONFIG.replace('ladder:', 'lader:'));
    expect(typo).toMatchObject({ exit: 2, out: '', err: expect.stringMatching(/other\.yaml:8:5: .*lader.*Did you mean "ladder"\?/) });
    expect(await models(CONFIG.replace('version: 1', 'version: 2'))).toMatchObject({
      exit: 2,
      err: expect.stringContaining('other.yaml:1:10'),
    });
    const bounded = CONFIG.replace('big: {', 'big: { boundary: "$' + '{WHERE_TO}", ');
    expect(await models(bounded)).toMatchObject({
      exit: 2,
      out: '',
      err: expect.stringMatching(/other\.yaml:4:21: .*WHERE_TO is not set/),
    });
    // Filled in after the parsing: what looks like YAML in a variable is a text.
    const filled = documentIn<{ models: { boundary: string }[] }>(await models(bounded, { WHERE_TO: 'eu", tier: [x' }));
    expect(filled.models.map(({ boundary }) => boundary)).toEqual(['any', 'eu", tier: [x']);
  });

  it('in a path that cannot be written is no bug of ours', async () => {
    const inFile = join('train.jsonl', 'x');
    const trained = await run('student', 'train', '--data', 'train.jsonl', '--out', inFile);
    expect(trained).toMatchObject({ exit: 2, out: '', err: expect.stringContaining('a part of its path is a file') });
    const evaluated = await run('eval', '--task', 'triage', '--set', 'set.jsonl', '--data', inFile);
    expect(evaluated).toMatchObject({ exit: 2, out: '', err: expect.stringContaining('name another with --data') });
  });

  it.each([
    ['an unknown command', ['certfy'], 'Did you mean certify?'],
    ['an unknown option', ['certify', '--pairs', 'x', '--metod', 'score'], 'Did you mean --method?'],
    ['a missing option', ['certify'], '--pairs <file>'],
    ['a value out of range', ['certify', '--pairs', 'x', '--floor', '98'], 'between 0.5 and 1'],
    ['a file that is not there', ['certify', '--pairs', 'x'], 'no such file'],
    ['a task that is not there', ['eval', '--task', 'triag', '--set', 'set.jsonl'], 'Did you mean "triage"?'],
    ['a model that is not there', ['eval', '--task', 'triage', '--set', 'set.jsonl', '--models', 'smal'], 'Did you mean "small"?'],
  ])('on the command line exits 2 and says what to do: %s', async (_, args, hint) => {
    expect(await run(...args)).toMatchObject({ exit: 2, out: '', err: expect.stringContaining(hint) });
  });
});

describe('help', () => {
  it.each([[[]], [['certify']], [['eval']], [['bill']], [['models']], [['demo']], [['student', 'train']], [['student', 'predict']]])(
    'of %j is printed on stdout and exits 0',
    async (command) => {
      const finished = await run(...command, '--help');
      expect({ exit: finished.exit, err: finished.err }).toEqual({ exit: 0, err: '' });
      expect(finished.out).toMatch(/^Usage: smallfirst/);
    },
  );
});
