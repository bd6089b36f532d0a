import type { App } from '../../app.ts';
import type { TaskConfig } from '../../config/index.ts';
import { contentHash, type Json, type NanoUsd, newId, usage } from '../../core/index.ts';
import type { EvalJudge } from '../../eval/index.ts';
import { agreementIn, asScoredBy, chooseJudge, judgeAnswer, judgeRows, PROMPT_VERSION } from '../../judge/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';

/** The judge of a task, opened for an eval; null for a task that has a metric. Its calls are booked to the run, with purpose `judge`. */
export async function openEvalJudge(app: App, task: TaskConfig): Promise<EvalJudge | null> {
  if (task.judge === null) return null;
  const { model, rubric, warning } = chooseJudge(task, app.config.models);
  const client = await app.client(model);
  const agreement = await agreementIn(app.store, { task: task.name, judge: model.name });
  const { provider, model: wire, url, parameters } = model;
  const version = client.version ?? null;
  return {
    name: model.name,
    version: contentHash({ prompt: PROMPT_VERSION, rubric, provider, model: wire, url, version, parameters: parameters as Json }),
    notes: [`Quality is ${asScoredBy(model.name, agreement)}.`, ...(warning === null ? [] : [warning])],
    score: async ({ run, itemId, input, answer, reference, signal }) => {
      const judgement = await judgeAnswer({ judge: { model, client, rubric }, input, answer, reference, itemId, signal });
      const count = judgement.attempts.every((attempt) => attempt.usage !== null) ? null : await loadTokenizer();
      const rows = judgeRows(judgement.attempts, {
        requestId: run,
        task: task.name,
        key: null,
        team: null,
        model,
        newId,
        countUsage: (prompt, text) => usage({ freshInput: count?.(prompt) ?? 0, output: count?.(text) ?? 0 }),
        price: (used, at) => app.prices.price({ provider, model: wire }, used, at) ?? { cost: null, priceId: null },
      });
      const paid = rows.filter(({ usageSource }) => usageSource !== 'recorded');
      if (paid.length > 0) await app.store.calls.append(paid);
      const costs = rows.map(({ cost }) => cost);
      const latencies = judgement.attempts.map(({ latencyMs }) => latencyMs);
      return {
        score: judgement.score,
        reason: judgement.reason,
        failure: judgement.failure,
        parseFailures: judgement.parseFailures,
        cost: sum(costs) as NanoUsd | null,
        isPaid: paid.length > 0,
        latencyMs: sum(latencies),
      };
    },
  };
}

function sum(values: readonly (number | null)[]): number | null {
  return values.reduce((total: number | null, value) => (total === null || value === null ? null : total + value), 0);
}
