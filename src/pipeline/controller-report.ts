import { inputTotal, type Json, type NanoUsd, type SmallfirstError, toUsd, type Usage, usage, ZERO_USD } from '../core/index.ts';
import type { PlanTurn } from './controller-types.ts';
import { sumOf } from './record.ts';
import type { StepAnswer } from './types.ts';

/** One delegated call. */
export interface Delegated {
  readonly task: string;
  /** 1 for what the controller's own plan delegated. */
  readonly depth: number;
  /** Null where it failed. */
  readonly answer: StepAnswer | null;
  readonly failure: SmallfirstError | null;
  readonly cost: NanoUsd | null;
}

/**
 * What a controller did, and what that saved against its planning model doing all itself: reading the request once, writing the answer,
 * and reading and writing each piece that it delegated, at its own price. Null amounts where a price is not known. A saving can be less than
 * nothing: turns that only plan cost too.
 */
export function planReport(
  planning: readonly PlanTurn[],
  delegated: readonly Delegated[],
  priceAt: (used: Usage) => NanoUsd | null,
): Record<string, Json> {
  const planned = sumOf(planning.map(({ cost }) => cost));
  const executed = sumOf(delegated.map(({ cost }) => cost));
  const pieces = delegated.map(({ answer }) => (answer === null || answer.usage === null ? ZERO_USD : priceAt(answer.usage)));
  const itself = sumOf([...pieces, priceAt(onePass(planning))]);
  const spent = sumOf([planned, executed]);
  return {
    turns: planning.length,
    calls: delegated.map(callRow),
    planningUsd: usd(planned),
    delegatedUsd: usd(executed),
    frontierUsd: usd(itself),
    savedUsd: itself === null || spent === null ? null : (itself - spent) / 1e9,
  };
}

/** The first prompt and the last answer: what one pass over the request would have read and written. */
function onePass(planning: readonly PlanTurn[]): Usage {
  const first = planning[0]?.usage ?? null;
  return usage({ freshInput: first === null ? 0 : inputTotal(first), output: planning.at(-1)?.usage?.output ?? 0 });
}

function callRow({ task, depth, answer, failure, cost }: Delegated): Json {
  const outcome =
    answer === null
      ? { error: failure?.code ?? 'INTERNAL' }
      : {
          output: answer.output,
          confidence: answer.confidence,
          model: answer.model,
          tier: answer.tier,
          decision: answer.decision,
        };
  return { task, ...(depth === 1 ? {} : { depth }), ...outcome, costUsd: usd(cost) };
}

function usd(amount: NanoUsd | null): number | null {
  return amount === null ? null : toUsd(amount);
}
