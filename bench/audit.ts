import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeLog, textFolder } from './audit-log.ts';
import { writeResult } from './result.ts';

/** A million rows of twelve templates through the command `audit`, assignments included: seconds, memory, and whether each task was found. */
const ROWS = Number(process.argv[2] ?? 1_000_000);
const SEED_ROWS = 50_000;
const texts = textFolder(resolve('.'));
if (texts === null) throw new Error('the texts of ../shared/data/text are not there');
const folder = mkdtempSync(join(tmpdir(), 'bench-audit-'));

async function writeRows(path: string): Promise<void> {
  const out = createWriteStream(path);
  let n = 0;
  for (let seed = 1; n < ROWS; seed += 1) {
    for (const { call } of makeLog(texts as string, { calls: SEED_ROWS, seed, drift: false, bare: 0.005 })) {
      if (n >= ROWS) break;
      n += 1;
      const system = call.system === null ? [] : [{ role: 'system', content: call.system }];
      const messages = [...system, ...call.userTexts.map((content) => ({ role: 'user', content }))];
      const choices = [{ index: 0, message: { role: 'assistant', content: call.output }, finish_reason: 'stop' }];
      const usage = { prompt_tokens: 400, completion_tokens: 20, total_tokens: 420 };
      const response = { id: `r${n}`, object: 'chat.completion', created: 1_790_000_000 + n, model: call.model, choices, usage };
      if (!out.write(`${JSON.stringify({ request: { model: call.model, messages }, response })}\n`)) await once(out, 'drain');
    }
  }
  out.end();
  await once(out, 'finish');
}

/** The most memory that a process had resident, in MB, as Linux counts it; 0 elsewhere. */
function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

try {
  const log = join(folder, 'log.jsonl');
  await writeRows(log);
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
  const begun = performance.now();
  const child = spawn(process.execPath, [main, 'audit', log, '--json', '--assignments', join(folder, 'assignments.jsonl')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  let peakMb = 0;
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  const timer = setInterval(() => {
    peakMb = Math.max(peakMb, peakOf(child.pid ?? 0));
  }, 100);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(timer);
  const seconds = (performance.now() - begun) / 1000;
  const document = JSON.parse(said) as { rows: { kept: number }; totals: { unassignedShare: number }; tasks: readonly unknown[] };
  const figures = {
    rows: ROWS,
    templates: 12,
    exitCode: code,
    kept: document.rows.kept,
    tasks: document.tasks.length,
    unassignedShare: document.totals.unassignedShare,
    seconds,
    peakMb,
  };
  console.log(figures);
  writeResult('audit', figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
