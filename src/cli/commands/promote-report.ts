import { type NanoUsd, toUsd } from '../../core/index.ts';
import type { PromotionFigures } from '../../life/index.ts';
import { renderTable } from '../table.ts';
import type { Candidate, PromoteReport } from './promote-types.ts';

/** What `smallfirst models promote --json` prints. */
export function promoteDocument({ task, model, lineage, until, incumbent }: Candidate, report: PromoteReport) {
  const { outcome, reason, gates, evidence, certificate, figures, diff } = report;
  return {
    task: task.name,
    model: model.name,
    outcome,
    reason,
    version: lineage.hash,
    evidenceSince: until === null ? null : new Date(until).toISOString(),
    incumbent: incumbent?.small ?? null,
    gates,
    evidence,
    certificate:
      certificate === null
        ? null
        : {
            id: certificate.id,
            verdict: certificate.verdict,
            threshold: certificate.threshold,
            accepted: certificate.accepted,
            retained: certificate.retained,
            retainedLowerBound: certificate.retainedLowerBound,
            pairs: certificate.pairs,
            look: certificate.look,
          },
    figures: figures === null ? null : figuresDocument(figures),
    diff,
  };
}

/** The gate as people read it. */
export function renderPromotion({ task, model }: Candidate, { outcome, reason, gates, diff }: PromoteReport): string {
  const rows = gates.map(({ name, state, reason: why }) => [name, state, why]);
  const table = rows.length === 0 ? '' : `${renderTable([{ head: 'gate' }, { head: 'state' }, { head: 'why' }], rows)}\n`;
  return `${table}${model.name} for ${task.name}: ${outcome.replace('-', ' ').toUpperCase()}. ${reason}\n${diff === '' ? '' : `\n${diff}`}`;
}

function figuresDocument({ candidate, incumbent, ceiling }: PromotionFigures) {
  const side = ({ pairs, cost, p95Ms }: PromotionFigures['candidate']) => ({ pairs, usdPerRequest: dollars(cost), p95Ms });
  return { candidate: side(candidate), incumbent: side(incumbent), ceiling: side(ceiling) };
}

function dollars(cost: NanoUsd | null): number | null {
  return cost === null ? null : toUsd(cost);
}
