/** A text that stands in (nearly) every prompt of a task, and where. */
export interface StaticPart {
  readonly role: 'system' | 'user';
  readonly text: string;
}

/** Texts that a model was trained without, in the order in which they stand: frozen with the model's version. */
export interface PruneList {
  readonly parts: readonly StaticPart[];
  /** SHA-256 of the parts in order: what a certificate pins. */
  readonly hash: string;
}

/** The prompts of one request, as parts are looked for in them. */
export interface PromptTexts {
  /** Null where the request has no system prompt. */
  readonly system: string | null;
  /** The last message of the user; null where there is none. */
  readonly user: string | null;
}
