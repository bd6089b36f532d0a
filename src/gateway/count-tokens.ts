import type { ClientRequest } from '../providers/index.ts';
import { answerJson } from './answer.ts';
import { countInput } from './cascade-request.ts';
import type { Exchange } from './exchange.ts';
import type { GatewayDeps } from './types.ts';

/**
 * Answers how many tokens a request holds, by our own count, where its model has no endpoint for that: clients that hear nothing would
 * pay for a small request instead, only to read its usage. Never 0.
 */
export async function answerCount(exchange: Exchange, deps: GatewayDeps, client: ClientRequest): Promise<void> {
  const countTokens = await deps.countTokens();
  if (exchange.response.destroyed) return;
  answerJson(exchange, 200, { input_tokens: Math.max(1, countInput(client.request, countTokens)) });
}
