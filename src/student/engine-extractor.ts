import { SmallfirstError } from '../core/index.ts';
import { quantileSorted } from '../statistics/index.ts';
import { type Extraction, parseTagger, serialiseTagger, Tagger, trainTaggerInSteps } from '../tagger/index.ts';
import type { OpenModel } from './local-student.ts';
import type { FitJob, Fitted, StudentProgress } from './train-types.ts';
import type { StudentPrediction } from './types.ts';

/** A text with fewer known words than this share of the held-out rows had counts as out of scope. */
const STRANGEST = 0.01;

/** Fits an extractor a step at a time. */
export function* fitExtractor(job: FitJob, onProgress: (progress: StudentProgress) => void): Generator<void, Fitted> {
  const { rows, vectors, seed } = job;
  if (vectors !== null) throw new SmallfirstError('USAGE', 'an extractor reads words in their order; embeddings have none');
  const { model, folds, heldOut } = yield* trainTaggerInSteps(
    rows.map(({ text, fields }) => ({ text, fields: fields ?? {} })),
    { seed, onProgress },
  );
  const known = Float64Array.from(heldOut, ({ knownShare }) => knownShare).sort();
  const fewestKnown = quantileSorted(known, STRANGEST);
  return {
    model: serialiseTagger(model, { ...job.metadata, fewestKnown }),
    heldOut: heldOut.map((said) => toPrediction(said, fewestKnown)),
    folds,
    labels: [...model.spanFields, ...model.choiceFields].map(({ name }) => name).sort(),
    features: model.tagger.hashes.length + model.choices.hashes.length,
  };
}

/** An extractor's file, ready to answer. Throws STUDENT_FILE_INVALID. */
export function openExtractor(file: Uint8Array): OpenModel {
  const { model, metadata } = parseTagger(file);
  const tagger = new Tagger(model);
  const fewestKnown = typeof metadata.fewestKnown === 'number' ? metadata.fewestKnown : 0;
  const textOf = (input: string | Float32Array): string => {
    if (typeof input === 'string') return input;
    throw new SmallfirstError('INPUT_INVALID', 'an extractor reads texts, not embeddings');
  };
  return {
    predict: (input) => toPrediction(tagger.predict(textOf(input)), fewestKnown),
    explain: (input, count) => {
      const text = textOf(input);
      const { perField } = tagger.predict(text);
      const ranked = Object.entries(perField).map(([label, probability]) => ({ label, probability }));
      return {
        ranked: ranked.sort((a, b) => b.probability - a.probability),
        reasons: tagger
          .explain(text, count)
          .flatMap(({ field, features }) =>
            features.map(({ feature, weight }) => ({ kind: 'tag' as const, feature, contribution: weight, target: field })),
          ),
      };
    },
  };
}

/** How much of the text training saw stands for whether it is in scope: extractors are shown no texts that are not. */
function toPrediction({ fields, confidence, knownShare }: Extraction, fewestKnown: number): StudentPrediction {
  return { text: JSON.stringify(fields), fields, confidence, inScope: knownShare, outOfScope: knownShare < fewestKnown };
}
