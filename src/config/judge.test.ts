import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from './index.ts';

const withMetric = (metric: string, output = '{ kind: text }') => `
models:
  small: { provider: replay, data: a.jsonl }
  frontier: { provider: replay, data: a.jsonl }
students: { t: { path: t } }
tasks:
  reply: { output: ${output}, ladder: [small, frontier], metric: ${metric} }
`;

describe('a judge as the metric of a text task', () => {
  it('names a model and a rubric, which loading reads from beside the config', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'judge-config-'));
    await writeFile(join(folder, 'reply.md'), 'Polite and right.\n');
    await writeFile(join(folder, 'smallfirst.yaml'), withMetric('{ judge: frontier, rubric: reply.md }'));
    const reply = (await loadConfig(join(folder, 'smallfirst.yaml'), {})).tasks.get('reply');
    expect(reply).toMatchObject({
      metric: 'judge:frontier',
      metricSpec: null,
      judge: { model: 'frontier', rubricFile: join(folder, 'reply.md'), rubric: 'Polite and right.\n' },
    });
  });

  it('may hold the rubric itself, and may leave the model to us', () => {
    const reply = parseConfig(withMetric('{ rubric: { text: Be right. } }'), '/c/s.yaml', {}).tasks.get('reply');
    expect(reply).toMatchObject({ metric: 'judge', judge: { model: null, rubricFile: null, rubric: 'Be right.' } });
  });

  it('is missed when its rubric cannot be read or says nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'judge-config-'));
    const file = join(folder, 'smallfirst.yaml');
    await writeFile(file, withMetric('{ judge: frontier, rubric: none.md }'));
    await expect(loadConfig(file, {})).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND', message: expect.stringContaining('none.md') });
    await writeFile(join(folder, 'none.md'), ' \n');
    await expect(loadConfig(file, {})).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: 'The rubric of the task reply is empty.' });
  });

  it.each([
    [
      '{ judge: frontir, rubric: r.md }',
      undefined,
      'tasks.reply.metric.judge names "frontir", which is no model of this file. Did you mean "frontier"?',
    ],
    [
      '{ judge: student/t, rubric: r.md }',
      undefined,
      'tasks.reply.metric.judge names "student/t"; a student gives labels and cannot judge.',
    ],
    ['{ judge: frontier }', undefined, 'tasks.reply.metric lacks "rubric"; add it.'],
    ['{ judge: frontier, rubrik: r.md }', undefined, 'tasks.reply.metric lacks "rubric"; add it.'],
    [
      '{ judge: frontier, rubric: r.md }',
      '{ kind: json }',
      'tasks.reply.metric is a judge, which scores texts; a json task has metrics that cost nothing.',
    ],
  ])('%s is refused for a task with output %s', (metric, output, message) => {
    expect(() => parseConfig(withMetric(metric, output), 's.yaml', {})).toThrow(message);
  });
});
