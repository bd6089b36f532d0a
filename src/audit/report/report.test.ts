import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { NanoUsd } from '../../core/index.ts';
import { PriceBook } from '../../pricing/index.ts';
import { readAudit } from '../read.ts';
import { TaskDiscovery } from '../tasks/index.ts';
import { buildAudit } from './build.ts';
import { auditCsv } from './csv.ts';
import { auditPage, usd } from './html.ts';

const AT = Date.UTC(2026, 10, 20);

/** A log with one hostile task name and one plain one. */
async function auditOfLog() {
  const folder = await mkdtemp(join(tmpdir(), 'smallfirst-report-'));
  const row = (i: number, task: string) => ({
    request: {
      model: 'gpt-4o',
      temperature: 0,
      metadata: { task },
      messages: [
        { role: 'system', content: 'Label the ticket: a or b.' },
        { role: 'user', content: `ticket ${i}` },
      ],
    },
    response: {
      ...{ id: `r${i}`, object: 'chat.completion', created: 1_790_000_000 + i * 3600, model: 'gpt-4o' },
      choices: [{ index: 0, message: { role: 'assistant', content: i % 2 === 0 ? 'a' : 'b' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1000, completion_tokens: 1, total_tokens: 1001 },
    },
  });
  const rows = Array.from({ length: 40 }, (_, i) => row(i, i < 30 ? '<script>alert(1)</script>' : 'plain'));
  const file = join(folder, 'log.jsonl');
  await writeFile(file, rows.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const book = new PriceBook({ warn: () => {} });
  const discovery = new TaskDiscovery();
  const report = await readAudit({
    ...{ files: [file], book, now: AT },
    onCalls: (calls) => {
      for (const call of calls) discovery.add(call);
    },
  });
  const audit = buildAudit({ report, discovery: discovery.finish(), book, at: AT, nameOf: () => null, reconciliation: null });
  return { folder, report, audit };
}

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

describe('an audit report', () => {
  it('has tasks that add up to the log, and keeps tested and untested savings apart', async () => {
    const { audit, report } = await auditOfLog();
    const { tasks, totals, savings } = audit.document;
    expect(tasks.reduce((sum, { calls }) => sum + calls, 0)).toBe(40);
    expect(Math.round(tasks.reduce((sum, { spendUsd }) => sum + spendUsd, 0) * 1e9)).toBe(report.cost as NanoUsd);
    expect(totals).toMatchObject({ calls: 40, unpricedCalls: 0, unassignedShare: 0, unassignedCalls: 0 });
    expect(tasks.map(({ kind, models }) => ({ kind, models }))).toEqual([
      { kind: 'label', models: ['gpt-4o'] },
      { kind: 'label', models: ['gpt-4o'] },
    ]);
    expect(savings.tested).toEqual({ low: 0, base: 0, high: 0 });
    expect(savings.untested.base).toBeCloseTo(
      tasks.reduce((sum, { recommendation }) => sum + recommendation.base, 0),
      12,
    );
  });

  it('is one page without a script, another file or a name that is markup, in which every link leads somewhere', async () => {
    const { audit } = await auditOfLog();
    const page = auditPage(audit, new Date(AT));
    expect(page).not.toMatch(/<script|<link|<img|src=|https?:\/\/(?!www\.w3\.org\/2000\/svg)/i);
    const ids = new Set([...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id));
    const links = [...page.matchAll(/href="#([^"]*)"/g)].map(([, link]) => link);
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((link) => !ids.has(link))).toEqual([]);
    expect([...page.matchAll(/<svg/g)]).toHaveLength(2);
  });

  it('writes CSV with a row per task, quotes what needs it and disarms formulas', async () => {
    const { audit } = await auditOfLog();
    const [first] = audit.document.tasks;
    const csv = auditCsv({ ...audit.document, tasks: [{ ...first!, name: '=HYPERLINK("x")', calls: 3 }] });
    const [head, row, end] = csv.split('\r\n');
    expect(head).toMatch(/^id,name,kind,calls,spend_usd,share,/);
    expect(row).toContain(`"'=HYPERLINK(""x"")",label,3,`);
    expect(end).toBe('');
  });

  it.each([
    [1234.4, '$1,234'],
    [99.5, '$99.50'],
    [0.0123, '$0.01'],
    [0.00456, '$0.0046'],
    [-2, '−$2.00'],
    [0, '$0'],
  ])('prints %d as %s', (amount, text) => {
    expect(usd(amount)).toBe(text);
  });

  it.skipIf(chromium === undefined)('opens in a browser without an error and shows its charts and tasks', { timeout: 30_000 }, async () => {
    const { audit, folder } = await auditOfLog();
    const file = join(folder, 'report.html');
    await writeFile(file, auditPage(audit, new Date(AT)));
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(folder, 'profile')}`,
      '--enable-logging=stderr',
      '--v=0',
    ];
    const { stdout, stderr } = await promisify(execFile)(chromium!, [...flags, '--dump-dom', `file://${file}`], { timeout: 25_000 });
    expect(stderr).not.toMatch(/CONSOLE|Refused to/);
    expect([...stdout.matchAll(/<svg/g)]).toHaveLength(2);
    expect(stdout).toContain('LLM spend audit');
    expect(await readFile(file, 'utf8')).toContain(audit.document.tasks[0]!.id);
  });
});
