import type { ClientRequest } from '../providers/index.ts';
import { answerError, answerJson } from './answer.ts';
import { countInput } from './cascade-request.ts';
import type { Exchange } from './exchange.ts';
import { relayedRow } from './rows.ts';
import type { GatewayDeps } from './types.ts';

/** The provider in whose name we answer ourselves. */
const OURSELVES = 'smallfirst';

/**
 * Answers how many tokens a request holds, by our own count, where its model has no endpoint for that: clients that hear nothing would
 * pay for a small request instead, only to read its usage. Never 0. It is booked like any other, at no cost.
 */
export async function answerCount(exchange: Exchange, deps: GatewayDeps, client: ClientRequest): Promise<void> {
  try {
    const countTokens = await deps.countTokens();
    if (!exchange.response.destroyed) answer(exchange, deps, Math.max(1, countInput(client.request, countTokens)));
  } catch (error) {
    answerError(exchange, error);
  }
}

function answer(exchange: Exchange, deps: GatewayDeps, inputTokens: number): void {
  const name = exchange.task?.ladder.at(-1) ?? exchange.model;
  exchange.record(
    relayedRow(exchange, deps, { name, provider: OURSELVES, model: name }, true, {
      outcome: 'accepted',
      error: null,
      report: null,
      counted: null,
      stop: null,
      firstByteAt: null,
      attempts: 1,
    }),
  );
  answerJson(exchange, 200, { input_tokens: inputTokens });
}
