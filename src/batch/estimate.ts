import type { Config, ModelConfig, PipelineConfig, PipelineStep } from '../config/index.ts';
import { addUsd, type NanoUsd, type Output, usage, ZERO_USD } from '../core/index.ts';
import type { PriceBook } from '../pricing/index.ts';
import type { InputRow } from './types.ts';

/** What an estimate needs. */
export interface EstimateDeps {
  readonly config: Config;
  readonly prices: Pick<PriceBook, 'price'>;
  readonly now: number;
  readonly countTokens: (text: string) => number;
}

/** What a job is likely to cost, from the rows that were looked at. Nothing was asked for it. */
export interface Estimate {
  readonly rows: number;
  /** Rows whose texts were counted. */
  readonly sampled: number;
  /** Every step answered by its cheapest rung, and steps with a condition left out. */
  readonly lowUsd: number | null;
  /** Every step run, every rung of its ladder asked. */
  readonly highUsd: number | null;
  /** Models without a known price: while there are any, the amounts are null. */
  readonly unpriced: readonly string[];
}

/** Tokens that an answer of each kind is taken to have. */
const ANSWER_TOKENS: Readonly<Record<Output['kind'], number>> = { label: 8, json: 200, text: 300 };

/** Adds up what rows would cost. Inputs that earlier steps make are taken to be as long as the row's text. */
export class Estimator {
  readonly #deps: EstimateDeps;
  readonly #pipeline: PipelineConfig;
  readonly #unpriced = new Set<string>();
  #sampled = 0;
  #low: NanoUsd = ZERO_USD;
  #high: NanoUsd = ZERO_USD;

  constructor(pipeline: PipelineConfig, deps: EstimateDeps) {
    this.#pipeline = pipeline;
    this.#deps = deps;
  }

  add({ input }: InputRow): void {
    const text = typeof input.text === 'string' ? input.text : JSON.stringify(input);
    const tokens = text.length > 64 * 1024 ? Math.ceil(text.length / 4) : this.#deps.countTokens(text);
    this.#sampled += 1;
    for (const step of this.#pipeline.steps) {
      const costs = this.#costsOf(step, tokens);
      const [cheapest = ZERO_USD] = costs;
      if (step.when === null) this.#low = addUsd(this.#low, cheapest);
      this.#high = addUsd(this.#high, ...costs);
    }
  }

  /** The estimate for so many rows like those that were added. */
  of(rows: number): Estimate {
    const isKnown = this.#unpriced.size === 0 && this.#sampled > 0;
    const scaled = (sum: NanoUsd): number => ((sum / Math.max(1, this.#sampled)) * rows) / 1e9;
    return {
      rows,
      sampled: this.#sampled,
      lowUsd: isKnown ? scaled(this.#low) : null,
      highUsd: isKnown ? scaled(this.#high) : null,
      unpriced: [...this.#unpriced].sort(),
    };
  }

  /** What the rungs of a step would cost, in its ladder's order; a controller is asked as often as it may plan. */
  #costsOf(step: PipelineStep, inputTokens: number): readonly NanoUsd[] {
    const { config } = this.#deps;
    const { controller } = step;
    if (controller !== null) {
      const turn = this.#priceOf(controller.model, inputTokens + 500, ANSWER_TOKENS.text);
      const delegated = controller.tasks.flatMap((name) => this.#taskCosts(name, config.tasks.get(name)?.ladder ?? [], inputTokens));
      return [addUsd(turn, turn), ...Array.from({ length: controller.maxTurns - 2 }, () => turn), ...delegated];
    }
    const task = step.task === null ? undefined : config.tasks.get(step.task);
    const ladder = step.model === null ? (step.ladder ?? task?.ladder ?? []) : [step.model];
    return this.#taskCosts(step.task ?? '', ladder, inputTokens);
  }

  #taskCosts(name: string, ladder: readonly string[], inputTokens: number): readonly NanoUsd[] {
    const task = this.#deps.config.tasks.get(name);
    const system = task?.prompt.system ?? '';
    const prompt = this.#deps.countTokens(`${system}\n${task?.prompt.user ?? ''}`);
    const output = task?.output.kind ?? 'text';
    return ladder.map((model) => this.#priceOf(model, prompt + inputTokens, ANSWER_TOKENS[output]));
  }

  #priceOf(name: string, inputTokens: number, outputTokens: number): NanoUsd {
    const found: ModelConfig | undefined = this.#deps.config.models.get(name);
    const cost =
      found === undefined
        ? null
        : (this.#deps.prices.price(
            { provider: found.provider, model: found.model },
            usage({ freshInput: inputTokens, output: outputTokens }),
            this.#deps.now,
          )?.cost ?? null);
    if (cost !== null) return cost;
    this.#unpriced.add(name);
    return ZERO_USD;
  }
}
