/** Figures of others as their sources print them; none was run again here. */
export interface Published {
  readonly [key: string]: string | number;
  readonly model: string;
  readonly accuracy: number;
  readonly source: string;
}

export const PUBLISHED: Readonly<Record<string, readonly Published[]>> = {
  banking77: [
    { model: 'TF-IDF + logistic regression (scikit-learn)', accuracy: 0.909, source: 'vjsyong/banking77-jev-baseline' },
    { model: 'bge-small embeddings + logistic regression', accuracy: 0.934, source: 'rkemery/banking77-lora-vs-frontier' },
    { model: 'BERT fine-tuned', accuracy: 0.937, source: 'Casanueva et al. 2020, table 3, as quoted by others' },
    { model: 'Qwen3-0.6B fine-tuned (LoRA)', accuracy: 0.938, source: 'rkemery/banking77-lora-vs-frontier' },
    { model: 'ModernBERT-base fine-tuned', accuracy: 0.939, source: 'rkemery/banking77-lora-vs-frontier' },
    { model: 'zero-shot LLM (gpt-6-luna)', accuracy: 0.855, source: 'rkemery/banking77-lora-vs-frontier' },
    { model: 'frontier LLM with 20 retrieved examples (gpt-6-sol)', accuracy: 0.95, source: 'rkemery/banking77-lora-vs-frontier' },
  ],
  clinc150: [
    { model: 'FastText', accuracy: 0.89, source: 'Larson et al. 2019, table 2' },
    { model: 'SVM', accuracy: 0.91, source: 'Larson et al. 2019, table 2' },
    { model: 'CNN', accuracy: 0.912, source: 'Larson et al. 2019, table 2' },
    { model: 'DialogFlow', accuracy: 0.917, source: 'Larson et al. 2019, table 2' },
    { model: 'MLP over USE embeddings', accuracy: 0.935, source: 'Larson et al. 2019, table 2' },
    { model: 'BERT fine-tuned', accuracy: 0.969, source: 'Larson et al. 2019, table 2 (with out-of-scope training rows)' },
    { model: 'BERT-base fine-tuned', accuracy: 0.951, source: 'Rashxv/clinc150-intent-tinker, recorded predictions' },
  ],
  spam: [
    { model: 'GPT-4 zero-shot', accuracy: 0.9381, source: 'Roumeliotis et al. 2024' },
    { model: 'GPT-4 fine-tuned', accuracy: 0.9829, source: 'Roumeliotis et al. 2024' },
    { model: 'RoBERTa fine-tuned', accuracy: 0.9838, source: 'Roumeliotis et al. 2024' },
    { model: 'BERT fine-tuned', accuracy: 0.9901, source: 'Roumeliotis et al. 2024' },
  ],
  snips: [],
};

/** AUROC of in-scope against out-of-scope rows of CLINC150's test parts. */
export const PUBLISHED_OUT_OF_SCOPE = [
  { model: 'BERT fine-tuned, largest probability', auroc: 0.965, source: 'denmalbas007/clinc150-ood-detection' },
  { model: 'BERT fine-tuned, energy', auroc: 0.972, source: 'denmalbas007/clinc150-ood-detection' },
  { model: 'BERT fine-tuned, Mahalanobis distance', auroc: 0.976, source: 'denmalbas007/clinc150-ood-detection' },
] as const;

/** Dollars per 1,000 complaints, as the authors of the recorded answers print them (Roumeliotis et al. 2025); five models have no price there. */
export const RUN_COST_USD: Readonly<Record<string, number>> = {
  'gpt-o1': 24.24,
  'gpt-4.5-preview': 12.32,
  'gpt-o3-mini': 1.72,
  'claude-3-7-sonnet': 0.64,
  'claude-3-5-sonnet': 0.64,
  'gpt-4o': 0.45,
  'claude-3-5-haiku': 0.17,
  'gemini-2.0-flash': 0.04,
  'gpt-4o-mini': 0.03,
};
