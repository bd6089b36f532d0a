import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandIo } from '../io.ts';
import { buildProgram } from '../program.ts';

/** Questions of which every second is beyond the small model; each text is different. */
function pairs(n: number): string[] {
  const words = 'alpha beta gamma delta epsilon zeta eta theta'.split(' ');
  return Array.from({ length: n }, (_, i) => {
    const isHard = i % 2 === 0;
    const text = `${words[i % 7]} ${words[(i >> 3) % 8]} ${isHard ? 'prove' : 'name'} ${words[(i * 5) % 8]} ${i}`;
    return JSON.stringify({
      id: `q${i}`,
      text,
      small: { quality: isHard && i % 10 !== 0 ? 0 : 1, confidence: 0.5, costUsd: 0.001 },
      big: { quality: i % 9 === 0 ? 0 : 1, costUsd: 0.02 },
    });
  });
}

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triage-cli-'));
  await writeFile(join(folder, 'pairs.jsonl'), pairs(120).join('\n'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs a command line against a terminal that keeps what it is given. */
async function run(...line: string[]) {
  const documents: Record<string, unknown>[] = [];
  const said: string[] = [];
  const notes: string[] = [];
  const phases: string[] = [];
  const io: CommandIo = {
    out: (text) => void said.push(text),
    json: (document) => void documents.push(JSON.parse(JSON.stringify(document))),
    note: (text) => void notes.push(text),
    progress: (label) => {
      phases.push(label);
      return { advance: () => {}, end: () => void phases.push(`end ${label}`) };
    },
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  let code = 0;
  await buildProgram(io, (given) => {
    code = given;
  }).parseAsync(['node', 'smallfirst', 'triage', ...line]);
  return { code, documents, said, notes, phases };
}

const train = (...more: string[]) => run('train', '--pairs', 'pairs.jsonl', '--out', 'router', ...more);

describe('smallfirst triage', () => {
  it('trains, prints one document that decides, and writes the folder', async () => {
    const { code, documents, said, phases } = await train('--json');
    expect(code).toBe(0);
    expect(said).toEqual([]);
    expect(phases).toEqual(['scan', 'end scan', 'cross-validate', 'end cross-validate', 'fit', 'end fit']);
    expect(documents).toHaveLength(1);
    expect(documents[0]).toMatchObject({
      triage: join(folder, 'router'),
      version: expect.stringMatching(/^sha256:/),
      use: true,
      refusals: [],
      apgr: expect.any(Number),
      apgr95: { low: expect.any(Number), high: expect.any(Number) },
      lookup: null,
      rows: 120,
      training: { seed: 1, tasks: [], categories: 0 },
    });
    expect(readdirSync(folder).sort()).toEqual(['pairs.jsonl', 'router']);
    expect(readdirSync(join(folder, 'router')).sort()).toEqual(['triage.bin', 'triage.json']);
    expect(JSON.parse(readFileSync(join(folder, 'router', 'triage.json'), 'utf8')).report.use).toBe(true);
  });

  it('predicts {id, gain, tier} for every row, whatever else the row holds', async () => {
    await train('--json');
    const requests = [
      { id: 'a', text: 'beta gamma prove delta 7', small: { quality: 'nonsense' }, big: null },
      { id: 7, text: 'beta gamma name delta 7', task: 'unknown', category: 3 },
      { id: 'c', text: '' },
    ];
    await writeFile(join(folder, 'new.jsonl'), requests.map((row) => JSON.stringify(row)).join('\r\n'));
    const { code, documents } = await run('predict', '--model', 'router', '--data', 'new.jsonl', '--rows', 'out/rows.jsonl', '--json');
    expect(code).toBe(0);
    const written = readFileSync(join(folder, 'out/rows.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(written).toEqual([
      { id: 'a', gain: expect.any(Number), tier: expect.stringMatching(/^(medium|hard)$/) },
      { id: 7, gain: expect.any(Number), tier: 'easy' },
      { id: 'c', gain: expect.any(Number), tier: expect.stringMatching(/^(easy|medium|hard)$/) },
    ]);
    expect(written[0].gain).toBeGreaterThan(written[1].gain);
    expect(documents[0]).toMatchObject({
      triage: expect.stringMatching(/^sha256:/),
      use: true,
      apgr: expect.any(Number),
      apgr95: { low: expect.any(Number), high: expect.any(Number) },
      lookup: null,
      n: 3,
      latencyUs: { p50: expect.any(Number), p99: expect.any(Number) },
    });
  });

  it('exits 1 when the router is refused, says why, and repeats it when it predicts', async () => {
    await writeFile(
      join(folder, 'pairs.jsonl'),
      pairs(120)
        .map((line) => line.replace('"small":{"quality":0', '"small":{"quality":1'))
        .join('\n'),
    );
    const { code, said } = await train();
    expect(code).toBe(1);
    expect(said.join('')).toMatch(/APGR not shown \(random: \.5\)|Refused: the big model is worse/);
    const { code: predicted, notes, said: words } = await run('predict', '--model', 'router', '--data', 'pairs.jsonl');
    expect(predicted).toBe(0);
    expect(notes[0]).toMatch(/^This router was refused when it was trained/);
    expect(words[0]).toMatch(/^120 requests: \d+ easy, \d+ medium, \d+ hard\./);
  });

  it('trains on one task alone when asked, and beside others gives each its category', async () => {
    const both = pairs(120).map((line, i) => JSON.stringify({ ...JSON.parse(line), task: i % 4 < 2 ? 'a' : 'b', category: `c${i % 3}` }));
    await writeFile(join(folder, 'pairs.jsonl'), both.join('\n'));
    const one = await train('--task', 'a', '--json');
    expect(one.documents[0]).toMatchObject({ rows: 60, training: { tasks: ['a'], categories: 3 } });
    const all = await train('--json');
    expect(all.documents[0]).toMatchObject({ rows: 120, training: { tasks: ['a', 'b'], categories: 6 }, lookup: { apgr95: {} } });
    await expect(train('--task', 'c')).rejects.toMatchObject({ code: 'INPUT_INVALID', message: 'no row is of task c' });
  });

  it.each([
    ['not json', '{"id":', /^not valid JSON/],
    ['no text', '{"id":"x","small":{"quality":1},"big":{"quality":1}}', /^text is missing/],
    ['a text that is a number', '{"id":"x","text":4,"small":{"quality":1},"big":{"quality":1}}', /^text must be a string, not 4/],
    ['no id', '{"text":"t","small":{"quality":1},"big":{"quality":1}}', /^id is missing/],
    ['an id twice', '{"id":"q3","text":"t","small":{"quality":1},"big":{"quality":1}}', /^id "q3" was already used on line 4/],
    ['no big', '{"id":"x","text":"t","small":{"quality":1}}', /^big is missing/],
    ['a quality beyond 1', '{"id":"x","text":"t","small":{"quality":1.5},"big":{"quality":1}}', /^small.quality must lie in 0…1, not 1.5/],
    ['an empty category', '{"id":"x","text":"t","category":"","small":{"quality":1},"big":{"quality":1}}', /^category must be a string/],
    ['a list', '[1]', /^the row must be an object/],
  ])('names the line of a row with %s, and writes nothing', async (_what, line, message) => {
    await writeFile(join(folder, 'pairs.jsonl'), [...pairs(30), line].join('\n'));
    await expect(train()).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(message),
      position: { file: join(folder, 'pairs.jsonl'), line: 31 },
    });
    expect(readdirSync(folder)).toEqual(['pairs.jsonl']);
  });

  it('leaves earlier files as they are when a row to predict is wrong', async () => {
    await train('--json');
    await writeFile(join(folder, 'new.jsonl'), '{"id":1,"text":"a"}\n{"id":2}\n');
    await writeFile(join(folder, 'rows.jsonl'), 'earlier');
    await expect(run('predict', '--model', 'router', '--data', 'new.jsonl', '--rows', 'rows.jsonl')).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      position: { line: 2 },
    });
    expect(readFileSync(join(folder, 'rows.jsonl'), 'utf8')).toBe('earlier');
  });

  it('replaces an earlier router, and nothing else', async () => {
    await train('--json');
    const before = readFileSync(join(folder, 'router', 'triage.json'), 'utf8');
    await train('--seed', '2', '--json');
    expect(readFileSync(join(folder, 'router', 'triage.json'), 'utf8')).not.toBe(before);
    await expect(run('train', '--pairs', 'pairs.jsonl', '--out', '.')).rejects.toMatchObject({ code: 'USAGE' });
    await expect(run('train', '--pairs', 'pairs.jsonl', '--out', 'pairs.jsonl')).rejects.toMatchObject({ code: 'USAGE' });
    expect(existsSync(join(folder, 'pairs.jsonl'))).toBe(true);
  });

  it('refuses files and folders that are not there', async () => {
    await expect(run('train', '--pairs', 'nowhere.jsonl', '--out', 'router')).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await expect(run('predict', '--model', 'router', '--data', 'pairs.jsonl')).rejects.toMatchObject({ code: 'TRIAGE_FILE_INVALID' });
    await writeFile(join(folder, 'empty.jsonl'), '\n');
    await expect(run('train', '--pairs', 'empty.jsonl', '--out', 'router')).rejects.toMatchObject({ message: 'the file holds no rows' });
  });
});
