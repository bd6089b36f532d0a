import type { Explanation, Reason, Student, StudentCard, StudentPrediction } from './types.ts';

/** A model of any kind, over texts or over vectors: what the engines of all kinds come down to. */
export interface OpenModel {
  predict(input: string | Float32Array): StudentPrediction;
  /** Ranks its answers and names its reasons, strongest first. */
  explain(input: string | Float32Array, count: number): { readonly ranked: Explanation['ranked']; readonly reasons: readonly Reason[] };
}

/** A loaded model with what its folder says of it. */
export interface Loaded {
  readonly card: StudentCard;
  readonly version: string;
  readonly model: OpenModel;
}

/** A student that needs nothing but the text. */
export function localStudent({ card, version, model }: Loaded): Student {
  const predict = (text: string): StudentPrediction => model.predict(text);
  return {
    card,
    version,
    predict,
    answer: predict,
    answerAll: async (texts) => texts.map(predict),
    explain: async (text, count = 10) => ({ prediction: predict(text), ...model.explain(text, count) }),
  };
}
