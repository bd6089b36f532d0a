/** A model's place by price and ability. A task's ladder climbs from small to its ceiling. */
export type Tier = 'small' | 'mid' | 'frontier';

/** Where data may go: `internal`, `eu`, `any`, or a team's own word. A model states its own; a request states what it allows. */
export type Boundary = string;

/** What a model can take or give. A request that needs one may only go to a model that has it. */
export type Capability = 'tools' | 'images' | 'pdfs' | 'json-schema' | 'logprobs' | 'streaming' | 'embeddings' | 'system';

/** A model of the registry: one pinned version at one provider, or a student. */
export interface Model {
  /** Its name in the config: `small`, `frontier`, `student/classify`. */
  readonly name: string;
  /** The provider row that serves it: `openai`, `anthropic`, `vllm`, `replay`, `student` … */
  readonly provider: string;
  /** The name on the wire, a dated version where the provider has one. */
  readonly model: string;
  readonly tier: Tier;
  readonly boundary: Boundary;
  readonly capabilities: ReadonlySet<Capability>;
  /** Tokens that fit, prompt and answer together; null when unknown. */
  readonly contextWindow: number | null;
}
