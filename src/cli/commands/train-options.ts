import type { Method } from '../../finetune/index.ts';

/** Options of `smallfirst train TASK`. */
export interface TrainOptions {
  /** A file of rows, or the directory that keeps state. */
  readonly data: string;
  readonly dataset?: string;
  readonly validation?: string;
  readonly out?: string;
  readonly mode: 'default' | 'quality';
  readonly provider?: string;
  readonly base?: string;
  readonly method: Method;
  readonly epochs: number;
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly loraRank?: number;
  readonly full?: boolean;
  readonly beta?: number;
  readonly maxTokens?: number;
  readonly seed: number;
  readonly tokenizer?: string;
  readonly chatTemplate?: string;
  readonly tool?: 'axolotl' | 'trl' | 'unsloth';
  readonly estimate?: boolean;
  readonly yes?: boolean;
  readonly maxCost?: number;
  readonly price?: number;
  readonly endpointPrice?: number;
  readonly callCost?: number;
  readonly callCostAfter: number;
  readonly callsPerMonth?: number;
  /** False returns once the job is started. */
  readonly wait: boolean;
  readonly url?: string;
  readonly keyEnv?: string;
  readonly account?: string;
  readonly config: string;
  readonly json: boolean;
}
