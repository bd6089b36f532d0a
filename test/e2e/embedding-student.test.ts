import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runStudentExplain } from '../../src/cli/commands/student-explain.ts';
import { runStudentPredict } from '../../src/cli/commands/student-predict.ts';
import { runStudentTrain, type StudentTrainOptions } from '../../src/cli/commands/student-train.ts';
import type { CommandIo } from '../../src/cli/io.ts';
import { type EmbeddingServer, startEmbeddingServer } from '../support/embedding-server.ts';

const synonyms = [
  ['refund', 'reimburse', 'repay', 'moneyback', 'chargeback', 'credit'],
  ['parcel', 'package', 'shipment', 'delivery', 'courier', 'box'],
];

let server: EmbeddingServer;
let folder: string;
beforeEach(async () => {
  server = await startEmbeddingServer(synonyms);
  folder = await mkdtemp(join(tmpdir(), 'embedding-student-'));
  // Every word stands in one row: what a model over words cannot learn from, and one over meanings can.
  const rows = synonyms.flatMap((words, k) =>
    words.slice(0, 5).map((word, i) => ({ text: `${word} note ${i}`, label: ['money', 'post'][k] })),
  );
  await write('train.jsonl', rows);
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, rows: readonly object[]): Promise<void> {
  await writeFile(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

function terminal(env: CommandIo['env'] = { EMBEDDING_KEY: 'secret' }) {
  const documents: Record<string, unknown>[] = [];
  const io: CommandIo = {
    out: () => {},
    json: (document) => void documents.push(JSON.parse(JSON.stringify(document))),
    note: () => {},
    progress: () => ({ advance: () => {}, end: () => {} }),
    env,
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  return { io, documents };
}

const train = (io: CommandIo, options: Partial<StudentTrainOptions> = {}) =>
  runStudentTrain(
    {
      data: ['train.jsonl'],
      out: 'student',
      mode: 'default',
      seed: 1,
      embeddings: server.url,
      embeddingModel: 'words-48',
      embeddingKey: 'EMBEDDING_KEY',
      json: true,
      ...options,
    },
    io,
  );

describe('a student over embeddings', () => {
  it('is chosen by cross-validation where meanings say more than words, and answers through its endpoint', async () => {
    const { io, documents } = terminal();
    expect(await train(io)).toBe(0);
    expect(documents[0]).toMatchObject({
      reads: 'embeddings',
      embeddings: { url: server.url, model: 'words-48', dimensions: 48, apiKeyEnv: 'EMBEDDING_KEY' },
      candidates: [{ reads: 'embeddings' }, { reads: 'text' }],
    });
    expect(server.requests.map(({ key, model }) => [key, model])).toEqual([['secret', 'words-48']]);
    expect(readFileSync(join(folder, 'student/student.json'), 'utf8')).not.toContain('secret');
    await write('test.jsonl', [
      { id: 1, text: 'chargeback', label: 'money' },
      { id: 2, text: 'box', label: 'post' },
      { id: 3, text: 'credit' },
    ]);
    const asked = { student: 'student', data: 'test.jsonl', rows: 'rows.jsonl', json: true };
    expect(await runStudentPredict(asked, io)).toBe(0);
    expect(documents[1]).toMatchObject({ accuracy: 1, latencyUs: null, inputTokens: 3 });
    const labels = readFileSync(join(folder, 'rows.jsonl'), 'utf8').trimEnd().split('\n');
    expect(labels.map((line) => (JSON.parse(line) as { label: string }).label)).toEqual(['money', 'post', 'money']);
    await runStudentExplain({ student: 'student', text: 'credit', count: 3, json: true }, io);
    expect(documents[2]).toMatchObject({ prediction: { label: 'money' }, reasons: [] });
  });

  it('pays for no text twice: training again asks for the new ones only', async () => {
    const { io } = terminal();
    await train(io, { over: 'embeddings', keepRows: true });
    expect(readdirSync(join(folder, 'student')).sort()).toEqual(['model.bin', 'rows.jsonl', 'student.json', 'vectors.bin']);
    await write('more.jsonl', [{ text: 'credit note', label: 'money' }]);
    await train(io, { data: ['more.jsonl'], from: 'student', out: 'next', over: 'embeddings' });
    expect(server.requests.map(({ texts }) => texts.length)).toEqual([10, 1]);
  });

  it('tries again where the endpoint fails, and leaves nothing where it goes on failing', async () => {
    const { io } = terminal();
    server.failures.push(500);
    expect(await train(io, { over: 'embeddings' })).toBe(0);
    server.failures.push(400);
    await expect(train(io, { over: 'embeddings', out: 'other' })).rejects.toMatchObject({ code: 'UPSTREAM_REJECTED' });
    expect(existsSync(join(folder, 'other'))).toBe(false);
  });

  it('says what is missing or does not fit', async () => {
    const { io } = terminal({});
    await expect(train(io)).rejects.toThrow(/environment variable EMBEDDING_KEY is not set/);
    const { io: known } = terminal();
    await train(known, { over: 'embeddings' });
    const asked = { student: 'student', data: 'train.jsonl', json: true };
    await expect(runStudentPredict({ ...asked, embeddingModel: 'others' }, known)).rejects.toThrow(
      /trained on vectors of words-48, not of others/,
    );
    await expect(train(known, { over: 'embeddings', kind: 'extractor' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
