import { ClientAnswer, HEAD_WAITS_MS } from './cascade-answer.ts';
import { countInput } from './cascade-request.ts';
import type { Exchange } from './exchange.ts';
import { ProtocolAnswer, RowAnswer } from './pipeline-answer.ts';
import type { RunRequest } from './pipeline-request.ts';
import { PipelineExchange, type RunAnswer, type RunDeps } from './pipeline-run.ts';
import { RunStream } from './pipeline-stream.ts';

/** Sets money aside for a run that a client asks for, and begins it. Throws what its key's budgets and caps refuse. */
export function startRun(exchange: Exchange, asked: RunRequest, deps: Pick<RunDeps, 'gateway' | 'streams'>): void {
  exchange.pipeline = asked.pipeline.name;
  const reservation = deps.gateway.ledger.reserveRun(exchange, asked.pipeline);
  exchange.reservation = reservation;
  new PipelineExchange(exchange, { ...deps, reservation }, asked, answerFor(exchange, asked, deps)).start();
}

function answerFor(
  exchange: Exchange,
  { pipeline, client, isStreamed }: RunRequest,
  { gateway, streams }: Pick<RunDeps, 'gateway' | 'streams'>,
): RunAnswer {
  const { tasks } = gateway.pipelines;
  if (client === null) return isStreamed ? new RunStream(exchange, { pipeline, tasks, streams }) : new RowAnswer(exchange, pipeline);
  const inputTokens = countInput(client.request, roughly);
  return new ProtocolAnswer(new ClientAnswer(exchange, { client, streams, inputTokens, headWaitsMs: HEAD_WAITS_MS }), pipeline, tasks);
}

/** What a stream says at its beginning, before anything was asked; its end says what was really used. */
function roughly(text: string): number {
  return Math.ceil(text.length / 4);
}
