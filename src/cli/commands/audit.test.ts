import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/index.ts';
import type { CommandIo } from '../io.ts';
import { knownProviders } from '../known-providers.ts';
import { runAudit } from './audit.ts';
import { runTasksName } from './tasks-name.ts';

const AT = Date.UTC(2026, 10, 20);
const CLOCK = { now: () => AT, monotonic: () => 0 };
const DEFAULTS = { top: 10, data: '.smallfirst', json: true };

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'smallfirst-audit-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

function ioIn(cwd: string) {
  const said = { out: '', notes: [] as string[], documents: [] as unknown[] };
  const io: CommandIo = {
    out: (text) => {
      said.out += text;
    },
    json: (document) => said.documents.push(document),
    note: (text) => said.notes.push(text),
    progress: () => ({ advance: () => {}, end: () => {} }),
    ...{ env: {}, cwd, signal: new AbortController().signal, width: 120 },
  };
  return { io, said };
}

function row(i: number, system: string | null, user: string, answer: string, model = 'gpt-4o') {
  const messages = [...(system === null ? [] : [{ role: 'system', content: system }]), { role: 'user', content: user }];
  return `${JSON.stringify({
    request: { model, temperature: 0, messages },
    response: {
      ...{ id: `r${i}`, object: 'chat.completion', created: 1_790_000_000 + i * 60, model },
      choices: [{ index: 0, message: { role: 'assistant', content: answer }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 500, completion_tokens: 4, total_tokens: 504 },
    },
  })}\n`;
}

const CLASSIFY = 'Classify the message of a customer as billing, refund or other. Answer with the label only.';
const REPLY = 'You draft replies for the support team. Write a friendly and concise answer that solves the problem.';
const log = (n: number) =>
  Array.from({ length: n }, (_, i) =>
    i % 2 === 0
      ? row(i, CLASSIFY, `message ${'abcdefg'[i % 7]}${i}`, ['billing', 'refund', 'other'][i % 3]!)
      : row(i, REPLY, `message ${i}`, `Dear customer ${i}, thank you for writing to us.`),
  ).join('');

describe('smallfirst audit', () => {
  it('prints one document, writes an assignment per call and the reports', async () => {
    const cwd = await folderWith({ 'log.jsonl': log(60) });
    const { io, said } = ioIn(cwd);
    const code = await runAudit(['log.jsonl'], { ...DEFAULTS, assignments: 'a.jsonl', html: 'r.html', csv: 'r.csv' }, io, CLOCK);
    expect(code).toBe(0);
    expect(said.documents).toHaveLength(1);
    const document = said.documents[0] as {
      rows: unknown;
      totals: { spendUsd: number };
      tasks: { id: string; kind: string; calls: number; share: number }[];
    };
    expect(document.rows).toEqual({ read: 60, kept: 60, joined: 0, skipped: [] });
    expect(document.totals).toMatchObject({ unpricedCalls: 0, unassignedShare: 0 });
    expect(document.totals.spendUsd).toBeCloseTo(60 * ((500 * 2.5 + 4 * 10) / 1e6), 12);
    expect(document.tasks.map(({ kind, calls, share }) => ({ kind, calls, share })).sort((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
      { kind: 'label', calls: 30, share: 0.5 },
      { kind: 'text', calls: 30, share: 0.5 },
    ]);
    const ids = new Set(document.tasks.map(({ id }) => id));
    const rows = (await readFile(join(cwd, 'a.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { callId: string; taskId: string });
    expect(rows.map(({ callId }) => callId)).toEqual(Array.from({ length: 60 }, (_, i) => `r${i}`));
    expect(rows.every(({ taskId }) => ids.has(taskId))).toBe(true);
    expect((await readdir(cwd)).sort()).toEqual(['a.jsonl', 'log.jsonl', 'r.csv', 'r.html']);
  });

  it('exits with 2 for a broken file, names its line and counts the rest', async () => {
    const cwd = await folderWith({ 'log.jsonl': `${log(10)}{"request": {"model": "gp` });
    const { io, said } = ioIn(cwd);
    expect(await runAudit(['log.jsonl'], DEFAULTS, io, CLOCK)).toBe(2);
    expect(said.documents[0]).toMatchObject({ rows: { read: 11, kept: 10 }, totals: { calls: 10 } });
    expect(said.notes.some((note) => /^error: .*log\.jsonl:11: /.test(note))).toBe(true);
  });

  it('refuses a format that there is not, and a config file that is there', async () => {
    const cwd = await folderWith({ 'log.jsonl': log(2), 'smallfirst.yaml': '' });
    const { io } = ioIn(cwd);
    await expect(runAudit(['log.jsonl'], { ...DEFAULTS, format: 'nonsense' }, io)).rejects.toThrow(/--format knows no "nonsense"/);
    await expect(runAudit(['log.jsonl'], { ...DEFAULTS, writeConfig: 'smallfirst.yaml' }, io)).rejects.toThrow(/is there already/);
    await expect(runAudit(['nowhere.jsonl'], DEFAULTS, io)).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });

  it('writes a config that loads, with tasks, ladders and fingerprints', async () => {
    const cwd = await folderWith({ 'log.jsonl': log(60) });
    const { io } = ioIn(cwd);
    await runAudit(['log.jsonl'], { ...DEFAULTS, writeConfig: 'sf.yaml' }, io, CLOCK);
    const config = await loadConfig(join(cwd, 'sf.yaml'), {}, { providers: knownProviders() });
    const tasks = [...config.tasks.values()];
    expect(tasks.map(({ output }) => output.kind).sort()).toEqual(['label', 'text']);
    expect(tasks.flatMap(({ output }) => (output.kind === 'label' ? [[...output.labels].sort()] : []))).toEqual([
      ['billing', 'other', 'refund'],
    ]);
    for (const { ladder, fingerprints } of tasks) {
      expect(ladder.at(-1)).toBe('gpt-4o');
      expect(fingerprints).toHaveLength(1);
    }
  });

  it('calls a task what `smallfirst tasks name` calls its template', async () => {
    const cwd = await folderWith({ 'log.jsonl': log(20) });
    const { io, said } = ioIn(cwd);
    await runAudit(['log.jsonl'], DEFAULTS, io, CLOCK);
    const [task] = (said.documents[0] as { tasks: { id: string }[] }).tasks;
    expect(await runTasksName({ hash: task!.id, name: 'my/task', data: '.smallfirst' }, io)).toBe(0);
    await runAudit(['log.jsonl'], DEFAULTS, io, CLOCK);
    expect((said.documents[1] as { tasks: { id: string; name: string }[] }).tasks.find(({ id }) => id === task!.id)?.name).toBe('my/task');
    await expect(runTasksName({ hash: 'xyz', name: 'a', data: '.' }, io)).rejects.toThrow(/no fingerprint/);
    await expect(runTasksName({ hash: 'abcdef12', name: 'a b', data: '.' }, io)).rejects.toThrow(/no name/);
  });

  it('holds the sums against an invoice', async () => {
    const cwd = await folderWith({ 'log.jsonl': log(60), 'invoice.csv': 'date,amount,model\n2026-09-21,0.10,gpt-4o\n' });
    const { io, said } = ioIn(cwd);
    await runAudit(['log.jsonl'], { ...DEFAULTS, json: false, invoice: 'invoice.csv' }, io, CLOCK);
    expect(said.out).toMatch(/Invoiced \$0\.10, in the log \$0\.08: 77\.4 % of it; difference \$0\.02\./);
    expect(said.out).toMatch(/They are not to be added\./);
  });
});
