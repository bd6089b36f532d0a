import { type Container, finite, invalid, readContainer, type SectionData, sectionOf, writeContainer } from '../container/index.ts';
import type { Json } from '../core/index.ts';
import { columnsOf, type Encoding } from './encoding.ts';
import { BLOCKS } from './feature-scanner.ts';
import type { LinearHead } from './linear-head.ts';
import type { Logistic } from './logistic.ts';
import type { ClassifierModel } from './model.ts';
import type { Network } from './network.ts';
import { type Certain, SCOPE_COLUMNS } from './scope.ts';

/** What is kept with a model beside the model: when and from what it was trained. Plain JSON. */
export type StudentMetadata = { readonly [key: string]: Json };

/** Version of what stands in the container; 1 had neither scope nor networks. */
const MODEL_VERSION = 2;

/** Writes a model and its metadata as one checksummed file; the same input gives the same bytes. */
export function serialiseClassifier(model: ClassifierModel, metadata: StudentMetadata): Uint8Array {
  const { labels, networks, mixture, certain } = model;
  return writeModel('classifier', model.encoding, metadata, {
    header: {
      labels,
      mixture: { ...mixture },
      certain: certainJson(certain),
      units: networks.map((network) => network.hidden.biases.length),
    },
    sections: Object.assign(headSections('linear', model.linear), ...networks.map(networkSections)),
  });
}

/** Reads a model back. Throws STUDENT_FILE_INVALID for a foreign, newer, older, truncated, changed or inconsistent file, or another kind of student. */
export function parseClassifier(file: Uint8Array): { readonly model: ClassifierModel; readonly metadata: StudentMetadata } {
  const read = readModel(file, 'classifier');
  const { container, encoding, metadata } = read;
  const { labels, mixture, certain, units } = container.header;
  const names = labelsFrom(labels, 2);
  const { linear, network } = record(mixture);
  if (!isNumber(linear) || !(linear > 0) || !isNumber(network) || network < 0) throw invalid('the mixture of the student file is wrong');
  if (!isNumbers(units) || !units.every((count) => Number.isInteger(count) && count > 0))
    throw invalid('the hidden units of the student file are wrong');
  const model: ClassifierModel = {
    encoding,
    labels: names,
    linear: headFrom(container, 'linear', columnsOf(encoding), names.length),
    networks: units.map((count, at) => networkFrom(container, at, [columnsOf(encoding), count, names.length])),
    mixture: { linear, network },
    certain: certainFrom(certain),
  };
  return { model, metadata };
}

/** Writes any kind of model over an encoding. */
export function writeModel(
  kind: string,
  encoding: Encoding,
  metadata: StudentMetadata,
  parts: { readonly header: { readonly [key: string]: Json }; readonly sections: { readonly [name: string]: SectionData } },
): Uint8Array {
  const own =
    encoding.input === 'text'
      ? { header: { input: 'text', blockWeights: encoding.blockWeights }, sections: { hashes: encoding.hashes, idf: encoding.idf } }
      : { header: { input: 'vector' }, sections: { mean: encoding.mean } };
  return writeContainer({
    kind,
    header: { modelVersion: MODEL_VERSION, ...own.header, ...parts.header, metadata },
    sections: new Map<string, SectionData>(Object.entries({ ...own.sections, ...parts.sections })),
  });
}

/** What every kind of model has: its container, encoding and metadata. */
export interface ReadModel {
  readonly container: Container;
  readonly encoding: Encoding;
  readonly metadata: StudentMetadata;
}

/** Reads what every kind has. Throws STUDENT_FILE_INVALID. */
export function readModel(file: Uint8Array, kind: string): ReadModel {
  const container = readContainer(file);
  if (container.kind !== kind) throw invalid(`this student is of kind ${JSON.stringify(container.kind)}, not a ${kind}`);
  const { modelVersion, input, blockWeights, metadata } = container.header;
  if (modelVersion === undefined) throw invalid('this student was trained by an earlier smallfirst: train it again from its rows');
  if (modelVersion !== MODEL_VERSION)
    throw invalid(`the student file has model version ${JSON.stringify(modelVersion)}; this smallfirst reads ${MODEL_VERSION}`);
  return { container, encoding: encodingFrom(container, input, blockWeights), metadata: (metadata ?? {}) as StudentMetadata };
}

function encodingFrom(container: Container, input: Json | undefined, blockWeights: Json | undefined): Encoding {
  if (input === 'vector') return { input, mean: finite(sectionOf(container, 'mean', Float32Array, null)) };
  if (input !== 'text') throw invalid('the student file does not say what it reads');
  if (!isBlockWeights(blockWeights)) throw invalid('the block weights of the student file are wrong');
  const hashes = sectionOf(container, 'hashes', Int32Array, null);
  if (hashes.includes(0) || new Set(hashes).size !== hashes.length) throw invalid('the vocabulary of the student file repeats itself');
  return { input, blockWeights, hashes, idf: finite(sectionOf(container, 'idf', Float32Array, hashes.length)) };
}

/** The sections of a head, under names of its own. */
export function headSections(name: string, head: LinearHead): { [name: string]: SectionData } {
  return { [`${name}.scales`]: head.scales, [`${name}.biases`]: head.biases, [`${name}.weights`]: head.weights };
}

/** Reads a head of so many features and outputs. Throws STUDENT_FILE_INVALID. */
export function headFrom(container: Container, name: string, features: number, outputs: number): LinearHead {
  return {
    scales: finite(sectionOf(container, `${name}.scales`, Float32Array, features)),
    biases: finite(sectionOf(container, `${name}.biases`, Float32Array, outputs)),
    weights: sectionOf(container, `${name}.weights`, Int8Array, features * outputs),
  };
}

/** Features that a network does not see have rows of zeros, which are not written. */
function networkSections({ hidden, output }: Network, at: number): { [name: string]: SectionData } {
  const units = hidden.biases.length;
  const seen = Int32Array.from(hidden.scales.keys()).filter((feature) => hidden.scales[feature] !== 0);
  const weights = new Int8Array(seen.length * units);
  seen.forEach((feature, i) => {
    weights.set(hidden.weights.subarray(feature * units, (feature + 1) * units), i * units);
  });
  return {
    ...headSections(`hidden${at}`, { biases: hidden.biases, scales: hidden.scales, weights }),
    ...headSections(`output${at}`, output),
  };
}

function networkFrom(container: Container, at: number, [features, units, classes]: readonly [number, number, number]): Network {
  const scales = finite(sectionOf(container, `hidden${at}.scales`, Float32Array, features));
  const seen = Int32Array.from(scales.keys()).filter((feature) => scales[feature] !== 0);
  const written = sectionOf(container, `hidden${at}.weights`, Int8Array, seen.length * units);
  const weights = new Int8Array(features * units);
  seen.forEach((feature, i) => {
    weights.set(written.subarray(i * units, (i + 1) * units), feature * units);
  });
  const biases = finite(sectionOf(container, `hidden${at}.biases`, Float32Array, units));
  return { hidden: { weights, scales, biases }, output: headFrom(container, `output${at}`, units, classes) };
}

/** Scope and confidence as JSON. */
export function certainJson({ scope, confidence, threshold }: Certain): Json {
  return { scope: logisticJson(scope), confidence: logisticJson(confidence), threshold };
}

/** Scope and confidence from JSON. Throws STUDENT_FILE_INVALID. */
export function certainFrom(value: Json | undefined): Certain {
  const { scope, confidence, threshold } = record(value);
  if (!isNumber(threshold)) throw invalid('the threshold of the student file is not a number');
  return { scope: logisticFrom(scope, SCOPE_COLUMNS), confidence: logisticFrom(confidence, 1), threshold };
}

/** A logistic regression as JSON. */
export function logisticJson({ weights, bias }: Logistic): Json {
  return { weights: [...weights], bias };
}

/** A logistic regression of so many columns from JSON. Throws STUDENT_FILE_INVALID. */
export function logisticFrom(value: Json | undefined, columns: number): Logistic {
  const { weights, bias } = record(value);
  if (!isNumber(bias) || !isNumbers(weights) || weights.length !== columns) throw invalid('a calibration of the student file is wrong');
  return { weights, bias };
}

/** At least `fewest` different labels. Throws STUDENT_FILE_INVALID. */
export function labelsFrom(value: Json | undefined, fewest: number): readonly string[] {
  const labels = Array.isArray(value) ? value : [];
  if (labels.length < fewest || !labels.every((label) => typeof label === 'string') || new Set(labels).size !== labels.length)
    throw invalid(`the labels of the student file are not at least ${fewest} different texts`);
  return labels;
}

/** A JSON object's fields. Throws STUDENT_FILE_INVALID for anything else. */
export function record(value: Json | undefined): { readonly [key: string]: Json | undefined } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('a part of the student file is missing');
  return value as { readonly [key: string]: Json };
}

/** A finite number. */
export function isNumber(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** A list of finite numbers. */
export function isNumbers(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => isNumber(each));
}

function isBlockWeights(value: Json | undefined): value is readonly number[] {
  return isNumbers(value) && value.length === BLOCKS.length && value.every((weight) => weight >= 0);
}
