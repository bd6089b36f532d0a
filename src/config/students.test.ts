import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from './index.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-students-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(student: string, output: string) {
  const file = join(folder, 'smallfirst.yaml');
  await writeFile(
    file,
    `models:\n  big: { provider: openai, model: gpt-5.2 }\nstudents:\n  s: ${student}\ntasks:\n  t:\n    output: ${output}\n    ladder: [student/s, big]\n`,
  );
  return loadConfig(file, { KEY: 'secret' });
}

async function card(kind: string, labels: readonly string[]): Promise<void> {
  await mkdir(join(folder, 'student'));
  await writeFile(join(folder, 'student', 'student.json'), JSON.stringify({ kind, labels }));
}

describe('a student in the config', () => {
  it('is free and internal unless it says otherwise', async () => {
    const { models } = await load('{ path: student }', '{ kind: label, labels: [a, b] }');
    expect(models.get('student/s')).toMatchObject({ price: { free: true }, boundary: 'internal', url: null, upstream: { keys: [] } });
  });

  it('has a price of its own, and an endpoint that reads its texts', async () => {
    const { models } = await load(
      '{ path: student, costUsd: 0.00002, embeddings: { url: "http://localhost:8080/v1", model: bge-small, apiKey: "${KEY}", usdPerMillion: 0.02 } }',
      '{ kind: label, labels: [a, b] }',
    );
    expect(models.get('student/s')).toMatchObject({
      price: { usdPerMillion: { input: 0.02, output: 0 }, usdPerRequest: 0.00002 },
      boundary: 'any',
      url: 'http://localhost:8080/v1',
      embeddings: { model: 'bge-small' },
      upstream: { keys: [{ key: 'secret', weight: 1 }] },
    });
  });

  it.each([
    ['classifier', ['a', 'b'], '{ kind: label, labels: [a, b, c] }'],
    ['classifier', ['a', 'b'], '{ kind: text }'],
    ['multilabel', ['a'], '{ kind: json, schema: { type: array } }'],
    ['extractor', ['city'], '{ kind: json, schema: { type: object, required: [city], properties: { city: { type: string } } } }'],
    ['extractor', ['city'], '{ kind: json, schema: { required: [day], properties: { day: { type: [string, "null"] } } } }'],
    ['scorer', ['1', '2'], '{ kind: label, labels: ["1", "2", "3"] }'],
    ['scorer', [], '{ kind: json, schema: { type: number } }'],
  ])('of kind %s with %j fits a task of %s', async (kind, labels, output) => {
    await card(kind, labels);
    expect((await load('{ path: student }', output)).tasks.has('t')).toBe(true);
  });

  it.each([
    [
      'extractor',
      ['city'],
      '{ kind: label, labels: [a, b] }',
      "a student of kind extractor, which gives json or text; the task's output is label.",
    ],
    [
      'classifier',
      ['a', 'z'],
      '{ kind: label, labels: [a, b] }',
      'which can answer "z", no label of the task: every such answer would be invalid.',
    ],
    [
      'extractor',
      ['city'],
      '{ kind: json, schema: { required: [city, day] } }',
      'which never gives "day", and the task\'s schema requires it.',
    ],
  ])('of kind %s with %j does not fit a task of %s', async (kind, labels, output, why) => {
    await card(kind, labels);
    const error = await load('{ path: student }', output).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', position: { line: 8 } });
    expect((error as Error).message).toContain(`tasks.t.ladder names student/s, ${why}`);
  });
});
