import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAudit } from '../src/audit/index.ts';
import { PriceBook } from '../src/pricing/index.ts';
import { type LogShape, writeLog } from './audit-rows.ts';
import { writeResult } from './result.ts';

const rows = Number(process.argv[2] ?? 1_000_000);
const wanted = process.argv[3];
const shapes: readonly LogShape[] = (['litellm-json', 'litellm-csv', 'openai-jsonl'] as const).filter(
  (shape) => !wanted || shape === wanted,
);

/** Reads one log of a million rows and says how long that took and how much memory it had at most. */
async function measure(folder: string, shape: LogShape) {
  const path = join(folder, `log.${shape === 'litellm-csv' ? 'csv' : 'jsonl'}`);
  await writeLog(path, { shape, rows });
  const bytes = statSync(path).size;
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  const start = performance.now();
  const cpu = process.cpuUsage();
  const report = await readAudit({
    files: [path],
    book: new PriceBook({ warn: () => {} }),
    now: Date.UTC(2026, 10, 1),
    onCalls: () => {},
  });
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  clearInterval(timer);
  rmSync(path);
  return {
    shape,
    rows,
    megabytes: Math.round(bytes / 1e6),
    seconds: Number(seconds.toFixed(2)),
    cpuSeconds: Number(((used.user + used.system) / 1e6).toFixed(2)),
    microsecondsPerRow: Number(((seconds * 1e6) / rows).toFixed(2)),
    peakMebibytes: Math.round(peak / 1024 / 1024),
    calls: report.calls,
    unpricedCalls: report.unpricedCalls,
  };
}

const folder = mkdtempSync(join(tmpdir(), 'smallfirst-bench-'));
const figures = [];
try {
  for (const shape of shapes) figures.push(await measure(folder, shape));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const item of figures)
  console.log(
    Object.entries(item)
      .map(([name, value]) => `${name} ${value}`)
      .join('  '),
  );
if (!wanted) console.log(writeResult('audit-read', figures));
