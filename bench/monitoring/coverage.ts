import { type AuditedRow, AuditPlan, retainedEstimate, retentionScore } from '../../src/monitor/index.ts';
import { seededRandom, wilson } from '../../src/statistics/index.ts';
import { FLOOR, RUNS } from './delays.ts';
import { drawRow, type Population } from './traffic.ts';

const POPULATION: Population = { retained: 0.984, escalated: 0.3, losses: 'by-confidence' };

/** How often the live estimate's 95 % interval holds the truth, and how wide it is. */
export function coverage() {
  return (['uniform', 'neyman'] as const).flatMap((design) =>
    [200, 1_000, 3_000].map((audits, i) => {
      const random = seededRandom(30_000 + i);
      let hits = 0;
      let width = 0;
      for (let run = 0; run < RUNS; run += 1) {
        const plan = design === 'neyman' ? new AuditPlan(0.02) : null;
        const rows: AuditedRow[] = [];
        let accepted = 0;
        while (accepted < audits) {
          const row = drawRow(POPULATION, plan ?? 0.02, random);
          rows.push(row);
          if (!row.accepted) continue;
          accepted += 1;
          plan?.add(row.confidence, retentionScore(row, FLOOR), row.inclusion);
        }
        const estimate = retainedEstimate(rows, 0.95);
        if (estimate === null) continue;
        if (estimate.low <= POPULATION.retained && POPULATION.retained <= estimate.high) hits += 1;
        width += (estimate.high - estimate.low) / RUNS;
      }
      return { design, audits, runs: RUNS, covered: hits / RUNS, ...wilson(hits, RUNS, 0.95), width };
    }),
  );
}
