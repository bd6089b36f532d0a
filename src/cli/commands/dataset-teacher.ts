import type { App } from '../../app.ts';
import type { ModelConfig, TaskConfig } from '../../config/index.ts';
import {
  type Call,
  collect,
  contentHash,
  type Json,
  type ModelRequest,
  type NanoUsd,
  newId,
  systemClock,
  textMessage,
  usage,
} from '../../core/index.ts';
import { type DraftRow, promptMessages, type TeacherPort } from '../../dataset/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';

/** Tokens that an answer may take where neither the task nor the model says how many. */
const MAX_ANSWER = 1_024;

/**
 * A model of the config as a teacher of a task. Each of its answers is recorded as a call of the task (purpose `eval`, tagged with the data
 * set), so that what relabelling costs is in the bill.
 */
export async function openTeacher(
  app: App,
  task: TaskConfig,
  { model, dataset, signal }: { readonly model: ModelConfig; readonly dataset: string; readonly signal: AbortSignal },
): Promise<TeacherPort> {
  const client = await app.client(model);
  const countTokens = await loadTokenizer();
  const maxTokens = task.parameters.maxTokens ?? model.parameters.maxTokens ?? MAX_ANSWER;
  const requestFor = (row: Pick<DraftRow, 'text' | 'messages'>): ModelRequest => ({
    messages: promptMessages(row, task.prompt).map(({ role, content }) => textMessage(role, content)),
    ...model.parameters,
    ...task.parameters,
    maxTokens,
    ...(task.output.kind === 'json' ? { responseFormat: { type: 'json' as const } } : {}),
  });
  const price = (used: ReturnType<typeof usage>, at: number) =>
    app.prices.price({ provider: model.provider, model: model.model }, used, at) ?? { cost: null, priceId: null };
  const inputTokens = (row: Pick<DraftRow, 'text' | 'messages'>) =>
    promptMessages(row, task.prompt).reduce((sum, { content }) => sum + countTokens(content) + 8, 16);
  return {
    model: model.name,
    provider: model.provider,
    snapshot: contentHash({
      model: { provider: model.provider, model: model.model, url: model.url, version: client.version ?? null },
      parameters: { ...model.parameters, ...task.parameters, maxTokens } as Json,
      task: { name: task.name, output: task.output as unknown as Json, prompt: { ...task.prompt } },
    }).slice(0, 32),
    worstCost: (row): NanoUsd | null => price(usage({ freshInput: inputTokens(row), output: maxTokens }), systemClock.now()).cost,
    ask: async (row) => {
      const at = systemClock.now();
      const begun = systemClock.monotonic();
      const answer = await collect(client.call(requestFor(row), { itemId: row.id, input: row.text, signal, deadlineAt: null }));
      const used = answer.usage ?? usage({ freshInput: inputTokens(row), output: countTokens(answer.text) });
      const { cost, priceId } = price(used, at);
      const isWhole = answer.stop === 'done' || answer.stop === 'stop-sequence';
      const call: Call = {
        ...bookedTo(task, model, dataset),
        at,
        servedModel: answer.servedModel,
        outcome: isWhole ? 'observed' : 'truncated',
        stop: answer.stop,
        usage: used,
        usageSource: answer.usage === null ? 'counted' : answer.usageSource,
        priceId,
        cost,
        latencyMs: systemClock.monotonic() - begun,
      };
      // A recording answers for nothing: what it would cost is no spending.
      if (answer.usageSource !== 'recorded') await app.store.calls.append([call]);
      return {
        text: isWhole ? answer.text : null,
        served: answer.servedModel,
        cost: answer.usageSource === 'recorded' ? (0 as NanoUsd) : cost,
      };
    },
  };
}

function bookedTo(task: TaskConfig, model: ModelConfig, dataset: string) {
  return {
    id: newId(),
    requestId: newId(),
    task: task.name,
    step: null,
    pipeline: null,
    key: null,
    team: null,
    model: model.name,
    provider: model.provider,
    tier: model.tier,
    purpose: 'eval' as const,
    error: null,
    firstTokenMs: null,
    streamed: false,
    confidence: null,
    decision: null,
    fingerprint: null,
    bodyHash: null,
    tags: { dataset },
  };
}
