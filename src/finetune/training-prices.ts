import { type NanoUsd, type NanoUsdPerMillion, nanoUsd, usdPerMillion } from '../core/index.ts';
import type { Method } from './types.ts';

/** What training costs at a provider, as a page said on a day. */
export interface TrainingPrice {
  /** Null: nobody says it before the files are there. */
  readonly perMillion: NanoUsdPerMillion | null;
  /** The least that a job costs; 0 where the provider says that there is none, null where it is not known. */
  readonly minimum: NanoUsd | null;
  /** What keeping the trained model costs a month, called or not. */
  readonly storagePerMonth: NanoUsd | null;
  readonly source: string;
  readonly asOf: string;
}

/** What a machine that serves the trained model alone costs. */
export interface EndpointPrice {
  readonly usdPerHour: number;
  readonly what: string;
  readonly source: string;
  readonly asOf: string;
}

interface PriceRow {
  readonly provider: string;
  readonly methods: readonly Method[];
  /** Which base models: by their name, or by their size in billions of parameters, from (exclusive) and to (inclusive). */
  readonly model?: RegExp;
  readonly size?: readonly [number, number];
  readonly usdPerMillion: number | null;
  readonly minimumUsd: number | null;
  readonly storageUsdPerMonth?: number;
  readonly source: string;
}

/** The day on which stored copies of the pages below were read. Prices move: what the provider says of the uploaded files goes before them. */
const READ = '2026-11-22';

const rows: readonly PriceRow[] = [
  { provider: 'fireworks', methods: ['sft'], size: [0, 16], usdPerMillion: 0.5, minimumUsd: null, source: 'fireworks.ai/pricing' },
  { provider: 'fireworks', methods: ['sft'], size: [16, 80], usdPerMillion: 3, minimumUsd: null, source: 'fireworks.ai/pricing' },
  // The rate is on a page that is drawn by a script; the API tells the price of uploaded files. No least charge, says the page below.
  {
    provider: 'together',
    methods: ['sft', 'dpo'],
    usdPerMillion: null,
    minimumUsd: 0,
    source: 'docs.together.ai/docs/fine-tuning/pricing',
  },
  {
    provider: 'mistral',
    methods: ['sft', 'classifier'],
    usdPerMillion: null,
    minimumUsd: 4,
    storageUsdPerMonth: 2,
    source: 'docs.mistral.ai/resources/deprecated/finetuning',
  },
  {
    provider: 'openai',
    methods: ['sft', 'dpo'],
    model: /^gpt-4o-mini-2024-07-18$/,
    usdPerMillion: 3,
    minimumUsd: null,
    source: 'tokenmix.ai/blog/openai-fine-tuning-pricing (second hand)',
  },
  {
    provider: 'openai',
    methods: ['sft', 'dpo'],
    model: /^gpt-4o-2024-08-06$/,
    usdPerMillion: 25,
    minimumUsd: null,
    source: 'tokenmix.ai/blog/openai-fine-tuning-pricing (second hand)',
  },
];

const endpoints: Readonly<Record<string, EndpointPrice>> = {
  fireworks: { usdPerHour: 7, what: 'one H100, billed by the second while it is up', source: 'usagepricing.com', asOf: '2026-11-21' },
};

/** The bundled price of a provider, method and base model; null where no row is about it. */
export function trainingPrice(provider: string, method: Method, baseModel: string): TrainingPrice | null {
  const size = billionsOf(baseModel);
  const row = rows.find(
    (candidate) =>
      candidate.provider === provider &&
      candidate.methods.includes(method) &&
      (candidate.model === undefined || candidate.model.test(baseModel)) &&
      (candidate.size === undefined || (size !== null && size > candidate.size[0] && size <= candidate.size[1])),
  );
  if (row === undefined) return null;
  return {
    perMillion: row.usdPerMillion === null ? null : usdPerMillion(row.usdPerMillion),
    minimum: row.minimumUsd === null ? null : nanoUsd(row.minimumUsd),
    storagePerMonth: row.storageUsdPerMonth === undefined ? null : nanoUsd(row.storageUsdPerMonth),
    source: row.source,
    asOf: READ,
  };
}

/** What serving the trained model costs at a provider that serves it on a machine of its own; null where that is not known. */
export function endpointPrice(provider: string): EndpointPrice | null {
  return Object.hasOwn(endpoints, provider) ? (endpoints[provider] ?? null) : null;
}

/** Billions of parameters by a model's name (`llama-v3p1-8b-instruct`, `Qwen2.5-0.5B`); null where it does not say, or is a mixture of experts. */
export function billionsOf(name: string): number | null {
  if (/\d+x\d+b/i.test(name)) return null;
  const [, whole, part] = /(?:^|[^a-z0-9.])(\d+)(?:[.p](\d+))?b(?![a-z0-9])/i.exec(name) ?? [];
  return whole === undefined ? null : Number(`${whole}.${part ?? 0}`);
}
