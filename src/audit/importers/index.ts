import type { Importer } from '../import-types.ts';
import { anthropicCosts, anthropicUsage } from './anthropic-admin.ts';
import { anthropicBatch } from './anthropic-batch.ts';
import { helicone } from './helicone.ts';
import { langfuse } from './langfuse.ts';
import { litellmPayload, litellmSpend } from './litellm.ts';
import { openaiBatch } from './openai-batch.ts';
import { openaiEvals } from './openai-evals.ts';
import { openaiCosts, openaiUsage } from './openai-organization.ts';
import { openaiStored } from './openai-stored.ts';
import { openpipe } from './openpipe.ts';
import { otlp } from './otlp.ts';
import { promptfoo } from './promptfoo.ts';
import { anthropicJsonl, openaiJsonl } from './request-response.ts';
import { tensorzero } from './tensorzero.ts';

/** Every importer of rows, the most particular shape first: among equal fits the first wins. Our own store is no file of rows. */
export const importers: readonly Importer[] = [
  litellmSpend,
  litellmPayload,
  langfuse,
  helicone,
  otlp,
  openaiUsage,
  openaiCosts,
  anthropicUsage,
  anthropicCosts,
  openaiEvals,
  openaiBatch,
  anthropicBatch,
  tensorzero,
  openpipe,
  promptfoo,
  openaiStored,
  anthropicJsonl,
  openaiJsonl,
];
