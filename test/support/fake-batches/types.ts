import type { Body } from '../fake-upstream/types.ts';

/** What becomes of one request of a batch. */
export type Fate = 'answered' | 'expired' | 'failed' | 'refused';

/** What becomes of a submission. */
export type SubmitFault =
  /** The batch is begun, and the connection breaks before its id is told. */
  | 'lost-answer'
  /** Nothing is begun, and the connection breaks. */
  | 'lost-request'
  | 'busy'
  /** The batch is taken and fails at once: too much is waiting. */
  | 'crowded'
  | 'rejected';

/** One batch as the provider has it. */
export interface FakeBatch {
  readonly id: string;
  readonly mark: string | null;
  readonly model: string | null;
  readonly createdAt: number;
  readonly requests: readonly { readonly id: string; readonly body: Body }[];
  /** Decided when it ends. */
  fates: readonly Fate[] | null;
  polls: number;
  cancelled: boolean;
  crowded: boolean;
}

/** A provider's batch API on loopback, in the shapes that its documentation shows. */
export interface FakeBatches {
  readonly origin: string;
  readonly batches: readonly FakeBatch[];
  /** Requests of the HTTP API, as `METHOD path`. */
  readonly calls: readonly string[];
  /** Every header and body that came, joined: what must not be among them can be looked for. */
  readonly heard: () => string;
  /** While true, no batch ends. */
  hold: boolean;
  /** What the next submissions come to, one each. */
  readonly faults: SubmitFault[];
  /** What becomes of a request that is asked the n-th time (from 1). */
  fate: (text: string, times: number, model: string) => Fate;
  /** The text of an answer; null leaves it to the fake model. */
  answer: (text: string, model: string) => string | null;
  close(): Promise<void>;
}

export type Provider = 'openai' | 'anthropic' | 'mistral';

export interface State extends Omit<FakeBatches, 'close' | 'batches' | 'calls' | 'heard' | 'origin'> {
  origin: string;
  readonly provider: Provider;
  readonly key: string;
  readonly batches: FakeBatch[];
  readonly calls: string[];
  readonly files: Map<string, { readonly name: string; readonly bytes: Buffer }>;
  readonly times: Map<string, number>;
  ids: number;
}

export interface Asked {
  readonly method: string;
  readonly id: string | null;
  readonly last: string | null;
  readonly bytes: Buffer;
}
