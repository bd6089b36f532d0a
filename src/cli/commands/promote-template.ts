import { resolve } from 'node:path';
import { SmallfirstError } from '../../core/index.ts';
import { checkTemplate, type Engine, JobStore } from '../../finetune/index.ts';
import type { PromotionGate } from '../../life/index.ts';
import type { Candidate, PromoteWorld } from './promote-types.ts';

/** Engines that show how they write conversations, by provider; any other is hosted, which shows nothing. */
const ENGINES: Readonly<Record<string, Engine>> = { vllm: 'vllm', ollama: 'ollama', llamacpp: 'llama-server' };

/**
 * Whether the endpoint that serves a fine-tuned model writes conversations as the model was taught them, by the job that its config names
 * (`trained.job`). Null for a model without one. A wrong template is a refusal: answers would be worse than those of the training.
 */
export async function templateGate({ model }: Candidate, { options, io }: PromoteWorld): Promise<PromotionGate | null> {
  const id = model.trained?.job ?? null;
  if (id === null || model.url === null) return null;
  const job = await new JobStore(resolve(io.cwd, options.data)).get(id).catch((error: unknown) => {
    // A job of another machine is no job of this data directory.
    if (error instanceof SmallfirstError) return null;
    throw error;
  });
  if (job === null || job.template === null) {
    return { name: 'template', state: 'skipped', reason: `What ${model.name} was taught to write conversations by is not on record here.` };
  }
  const engine = ENGINES[model.provider] ?? 'hosted';
  const url = model.url.replace(/\/+$/, '').replace(/\/v1$/, '');
  const { verdict, reasons } = await checkTemplate(job.template, { engine, url, model: model.model, key: model.apiKey }, io.signal);
  const state = verdict === 'different' ? 'failed' : verdict === 'same' ? 'passed' : 'skipped';
  return { name: 'template', state, reason: `Chat template of ${model.name}: ${reasons.join('; ')}.` };
}
