/** A host that can be rented, with the price that its source states; of a range the upper end. */
export interface GpuOffer {
  /** As `--gpu` takes it. */
  readonly name: string;
  readonly memoryGib: number;
  readonly usdPerHour: number;
  readonly source: string;
  /** When the source was published or read: `2026-11` or `2026-11-09`. */
  readonly date: string;
}

/** What a GPU was measured to do with a model. Rates are of the whole host at `concurrency` requests in flight. */
export interface GpuThroughput {
  /** Name of the offer. */
  readonly gpu: string;
  readonly model: string;
  readonly precision: string;
  readonly concurrency: number;
  /** Tokens of one request in the benchmark; null where the source names none. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly outputTokensPerSecond: number;
  /** Input and output together; the output alone where the source tells no more, which is a lower bound. */
  readonly totalTokensPerSecond: number;
  readonly source: string;
  readonly date: string;
}

/** Hosts and what they do. A user's own rows come first, so that they win. */
export interface GpuCatalogue {
  readonly offers: readonly GpuOffer[];
  readonly throughputs: readonly GpuThroughput[];
}

/** Published prices and benchmarks of an 8B model. They age: every row says when it was read, and a file of one's own wins over all of them. */
export const gpuCatalogue: GpuCatalogue = {
  offers: [
    { name: 'A40', memoryGib: 48, usdPerHour: 0.44, source: 'RunPod, by ai-compute-prices', date: '2026-08' },
    { name: 'RTX-4090', memoryGib: 24, usdPerHour: 0.6, source: 'RunPod ($.34–.60), by ai-compute-prices', date: '2026-08' },
    { name: 'A100', memoryGib: 80, usdPerHour: 1.79, source: 'RunPod, SXM ($1.39–1.79), by ai-compute-prices', date: '2026-08' },
    { name: 'H100', memoryGib: 80, usdPerHour: 3.99, source: 'RunPod, SXM ($2.69–3.99), by ai-compute-prices', date: '2026-08' },
    { name: 'L4', memoryGib: 24, usdPerHour: 0.8, source: 'Modal, by techbytes.app', date: '2026-05-07' },
    { name: 'A10', memoryGib: 24, usdPerHour: 0.86, source: 'Lambda, by techbytes.app', date: '2026-05-07' },
  ],
  throughputs: [
    {
      ...{ gpu: 'A40', model: 'llama-3.1-8b', precision: 'bf16', concurrency: 50, inputTokens: 100, outputTokens: 600 },
      ...{ outputTokensPerSecond: 1017, totalTokensPerSecond: 1246 },
      ...{ source: 'databasemart.com/blog/vllm-gpu-benchmark-a40', date: '2026-11' },
    },
    {
      ...{ gpu: 'RTX-4090', model: 'llama-3.1-8b', precision: 'fp8', concurrency: 32, inputTokens: null, outputTokens: null },
      ...{ outputTokensPerSecond: 1100, totalTokensPerSecond: 1100 },
      ...{ source: 'gigagpu.com/rtx-4090-24gb-fp8-llama-deployment', date: '2026-11' },
    },
    {
      // 75 tokens/s alone, 6.6 times that at its knee of 8 in flight; 1,024 tokens in for every 128 out.
      ...{ gpu: 'A100', model: 'llama-3.1-8b', precision: 'bf16', concurrency: 8, inputTokens: 1024, outputTokens: 128 },
      ...{ outputTokensPerSecond: 495, totalTokensPerSecond: 4455 },
      ...{ source: 'johnmusgrave.com (A100 of 40 GB, vLLM .23)', date: '2026-11' },
    },
    {
      ...{ gpu: 'A100', model: 'llama-3.1-8b', precision: 'fp8', concurrency: 320, inputTokens: null, outputTokens: null },
      ...{ outputTokensPerSecond: 1518, totalTokensPerSecond: 1518 },
      ...{ source: 'LambdaLabsML/vllm-benchmark (vLLM .5.4)', date: '2026-11' },
    },
    {
      ...{ gpu: 'H100', model: 'llama-3.1-8b', precision: 'fp8', concurrency: 320, inputTokens: null, outputTokens: null },
      ...{ outputTokensPerSecond: 3400, totalTokensPerSecond: 3400 },
      ...{ source: 'LambdaLabsML/vllm-benchmark (vLLM .5.4)', date: '2026-11' },
    },
  ],
};

/** The user's rows in front of the bundled ones: an offer replaces the one of its name, a throughput replaces every one of its GPU. */
export function withOwnGpus(own: GpuCatalogue, bundled: GpuCatalogue = gpuCatalogue): GpuCatalogue {
  const offered = new Set(own.offers.map((offer) => offer.name.toLowerCase()));
  const measured = new Set(own.throughputs.map((row) => row.gpu.toLowerCase()));
  return {
    offers: [...own.offers, ...bundled.offers.filter((offer) => !offered.has(offer.name.toLowerCase()))],
    throughputs: [...own.throughputs, ...bundled.throughputs.filter((row) => !measured.has(row.gpu.toLowerCase()))],
  };
}

/** The benchmark of a GPU whose share of input is nearest to a mix; null where the catalogue has none. A source without a mix counts as output only. */
export function nearestThroughput(
  catalogue: GpuCatalogue,
  gpu: string,
  mix: { readonly inputTokens: number; readonly outputTokens: number },
): GpuThroughput | null {
  const wanted = inputShare(mix);
  let best: GpuThroughput | null = null;
  for (const row of catalogue.throughputs) {
    if (row.gpu.toLowerCase() !== gpu.toLowerCase()) continue;
    if (best === null || Math.abs(inputShare(row) - wanted) < Math.abs(inputShare(best) - wanted)) best = row;
  }
  return best;
}

/**
 * Requests per second that a host finishes when it is never idle: what both its total and its output tokens per second allow. For a mix with
 * more input than the benchmark's this is low, because reading a prompt is quicker than writing: measure where it matters.
 */
export function requestsPerSecond(
  host: Pick<GpuThroughput, 'totalTokensPerSecond' | 'outputTokensPerSecond'>,
  mix: { readonly inputTokens: number; readonly outputTokens: number },
): number {
  const tokens = mix.inputTokens + mix.outputTokens;
  if (!(tokens > 0)) throw new RangeError('a request needs tokens');
  const byTotal = host.totalTokensPerSecond / tokens;
  return mix.outputTokens > 0 ? Math.min(byTotal, host.outputTokensPerSecond / mix.outputTokens) : byTotal;
}

function inputShare(mix: { readonly inputTokens: number | null; readonly outputTokens: number | null }): number {
  const input = mix.inputTokens ?? 0;
  const output = mix.outputTokens ?? 0;
  return input + output > 0 ? input / (input + output) : 0;
}
