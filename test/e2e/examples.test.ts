import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentIn, smallfirst } from '../support/cli.ts';
import { inProcess } from '../support/in-process.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'examples-'));
  // Beside them nothing of what somebody who tried them left there.
  const isOurs = (path: string): boolean => !/\/(students|\.smallfirst|out\.[^/]*)$/.test(path);
  cpSync(EXAMPLES, folder, { recursive: true, filter: isOurs });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const linesIn = <T>(...path: readonly string[]): readonly T[] =>
  readFileSync(join(folder, ...path), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);

/** The commands of an example's README that begin with `npx smallfirst`, as arguments. */
function commandsOf(example: string): readonly (readonly string[])[] {
  const text = readFileSync(join(folder, example, 'README.md'), 'utf8');
  return [...text.matchAll(/^(?:\S+=\S+ )?npx smallfirst (.*)$/gm)].map(([, line = '']) => line.split(' '));
}

interface Row {
  readonly id: string;
  readonly output: unknown;
  readonly costUsd: number;
  readonly steps: Readonly<Record<string, { readonly model: string; readonly output: unknown; readonly conditionError?: string }>>;
}

describe('the examples', () => {
  it('classify, extract and draft tickets on small models, and polish what a customer reads or nobody is sure about', async () => {
    const at = join(folder, 'support-pipeline');
    const commands = commandsOf('support-pipeline');
    const done = [];
    for (const command of commands) done.push(await inProcess(at, command));
    expect(done.map(({ exit, err }) => (exit === 0 ? 0 : err))).toEqual(commands.map(() => 0));
    const rows = linesIn<Row>('support-pipeline', 'out.jsonl');
    expect(rows.length).toBe(10);
    expect(rows.filter(({ steps }) => steps.polish !== undefined).map(({ id }) => id)).toEqual(['t1', 't4', 't6', 't9', 't10']);
    expect(rows.flatMap(({ steps }) => Object.values(steps).flatMap(({ conditionError }) => conditionError ?? []))).toEqual([]);
    // Nine of ten were sure enough for the student.
    expect(rows.filter(({ steps }) => steps.classify?.model === 'student/classify').length).toBe(9);
    expect(rows[0]?.steps.extract?.output).toEqual({ order: 'B4821', product: 'desk lamp' });
    expect(rows.every(({ costUsd }) => costUsd > 0)).toBe(true);
    const [, , shown, , streamed, bill] = done;
    expect(shown?.out).toContain('polish');
    expect(streamed?.out).toContain('We can see two payments for order B4821');
    expect(bill?.out).toContain('polish');
  });

  it('read the fields of receipts that were not among those learnt from', async () => {
    const at = join(folder, 'receipts');
    for (const command of commandsOf('receipts').slice(0, 2)) expect((await smallfirst(at, command)).exit).toBe(0);
    const expected = linesIn<{ id: string; fields: unknown }>('receipts', 'data', 'new.expected.jsonl');
    expect(linesIn<Row>('receipts', 'out.jsonl').map(({ id, output }) => [id, output])).toEqual(
      expected.map(({ id, fields }) => [id, fields]),
    );
  });

  it('let a planning model delegate to small ones, and report what that saved', async () => {
    const at = join(folder, 'controller');
    const models = spawn(process.execPath, ['fake-models.mjs'], { cwd: at, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [said] = (await once(models.stdout, 'data')) as [Buffer];
      const url = said.toString().trim().replace('PLANNER_URL=', '');
      const [command = []] = commandsOf('controller');
      const done = await smallfirst(at, command, { PLANNER_URL: url });
      expect([done.exit, done.err]).toEqual([0, '']);
      const row = documentIn<{ output: string; steps: { plan: { plan: { calls: readonly { task: string }[]; savedUsd: number } } } }>(done);
      expect(row.output).toMatch(/^Summary: done: done: Guten Tag, meine Lampe ist kaputt angekommen/);
      expect(row.steps.plan.plan.calls.map(({ task }) => task)).toEqual(['translate', 'summarise']);
      // For a letter this short, planning costs more than it saves; the report says so.
      expect(row.steps.plan.plan.savedUsd).toBeLessThan(0);
    } finally {
      models.kill();
      await once(models, 'exit');
    }
  });
});
