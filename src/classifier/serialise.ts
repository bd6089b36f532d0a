import { finite, invalid, readContainer, type SectionData, sectionOf, writeContainer } from '../container/index.ts';
import type { Json } from '../core/index.ts';
import { BLOCKS } from './feature-scanner.ts';
import type { ClassifierModel } from './model.ts';

/** What is kept with a model beside the model: when and from what it was trained. Plain JSON. */
export type ClassifierMetadata = { readonly [key: string]: Json };

/** Writes a model and its metadata as one checksummed file; the same input gives the same bytes. */
export function serialiseClassifier(model: ClassifierModel, metadata: ClassifierMetadata): Uint8Array {
  const { labels, temperature, blockWeights, hashes, idf, weights, scales, biases } = model;
  return writeContainer({
    kind: 'classifier',
    header: { labels, temperature, blockWeights, metadata },
    sections: new Map<string, SectionData>(Object.entries({ hashes, idf, scales, biases, weights })),
  });
}

/** Reads a model back. Throws STUDENT_FILE_INVALID for a foreign, newer, truncated, changed or inconsistent file, or another kind of student. */
export function parseClassifier(file: Uint8Array): { readonly model: ClassifierModel; readonly metadata: ClassifierMetadata } {
  const container = readContainer(file);
  if (container.kind !== 'classifier') throw invalid(`this student is of kind ${JSON.stringify(container.kind)}, not a classifier`);
  const { labels, temperature, blockWeights, metadata } = container.header;
  if (!isLabels(labels)) throw invalid('the labels of the student file are not at least two different texts');
  if (typeof temperature !== 'number' || !(temperature > 0)) throw invalid('the temperature of the student file is not above 0');
  if (!isBlockWeights(blockWeights)) throw invalid('the block weights of the student file are wrong');
  const hashes = sectionOf(container, 'hashes', Int32Array, null);
  const features = hashes.length;
  if (hashes.includes(0) || new Set(hashes).size !== features) throw invalid('the vocabulary of the student file repeats itself');
  const model: ClassifierModel = {
    labels,
    temperature,
    blockWeights,
    hashes,
    idf: finite(sectionOf(container, 'idf', Float32Array, features)),
    scales: finite(sectionOf(container, 'scales', Float32Array, features)),
    biases: finite(sectionOf(container, 'biases', Float32Array, labels.length)),
    weights: sectionOf(container, 'weights', Int8Array, features * labels.length),
  };
  return { model, metadata: (metadata ?? {}) as ClassifierMetadata };
}

function isLabels(value: Json | undefined): value is readonly string[] {
  return (
    Array.isArray(value) && value.length >= 2 && value.every((label) => typeof label === 'string') && new Set(value).size === value.length
  );
}

function isBlockWeights(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length === BLOCKS.length && value.every((weight) => typeof weight === 'number' && weight >= 0);
}
