import { invalid } from '../container/index.ts';
import type { Json } from '../core/index.ts';
import { columnsOf } from './encoding.ts';
import type { MultilabelModel } from './multilabel.ts';
import { ACCURACY_COLUMNS, type OrdinalScale, type RealScale, type ScorerModel } from './scorer.ts';
import {
  certainFrom,
  certainJson,
  headFrom,
  headSections,
  isNumber,
  isNumbers,
  labelsFrom,
  logisticFrom,
  logisticJson,
  readModel,
  record,
  type StudentMetadata,
  writeModel,
} from './serialise.ts';

/** Writes a multi-label model as one checksummed file; the same input gives the same bytes. */
export function serialiseMultilabel(model: MultilabelModel, metadata: StudentMetadata): Uint8Array {
  const { labels, thresholds, calibrations } = model;
  return writeModel('multilabel', model.encoding, metadata, {
    header: { labels, thresholds, calibrations: calibrations.map(logisticJson), certain: certainJson(model.certain) },
    sections: headSections('linear', model.linear),
  });
}

/** Reads a multi-label model back. Throws STUDENT_FILE_INVALID as parseClassifier does. */
export function parseMultilabel(file: Uint8Array): { readonly model: MultilabelModel; readonly metadata: StudentMetadata } {
  const { container, encoding, metadata } = readModel(file, 'multilabel');
  const { thresholds, calibrations, certain } = container.header;
  const labels = labelsFrom(container.header.labels, 1);
  if (!isNumbers(thresholds) || thresholds.length !== labels.length) throw invalid('the thresholds of the student file are wrong');
  const model: MultilabelModel = {
    encoding,
    labels,
    linear: headFrom(container, 'linear', columnsOf(encoding), labels.length),
    calibrations: logisticsFrom(calibrations, labels.length),
    thresholds,
    certain: certainFrom(certain),
  };
  return { model, metadata };
}

/** Writes a scorer as one checksummed file; the same input gives the same bytes. */
export function serialiseScorer(model: ScorerModel, metadata: StudentMetadata): Uint8Array {
  const { ordinal, real, minimum, maximum, tolerance } = model;
  return writeModel('scorer', model.encoding, metadata, {
    header: {
      minimum,
      maximum,
      tolerance,
      ordinal: ordinal ? { levels: ordinal.levels, calibrations: ordinal.calibrations.map(logisticJson) } : null,
      real: real ? { mean: real.mean, deviation: real.deviation, accuracy: logisticJson(real.accuracy) } : null,
      certain: certainJson(model.certain),
    },
    sections: headSections('linear', model.linear),
  });
}

/** Reads a scorer back. Throws STUDENT_FILE_INVALID as parseClassifier does. */
export function parseScorer(file: Uint8Array): { readonly model: ScorerModel; readonly metadata: StudentMetadata } {
  const { container, encoding, metadata } = readModel(file, 'scorer');
  const { minimum, maximum, tolerance, certain } = container.header;
  if (!isNumber(minimum) || !isNumber(maximum) || !isNumber(tolerance) || minimum > maximum)
    throw invalid('the range of the student file is wrong');
  const ordinal = container.header.ordinal === null ? null : ordinalFrom(container.header.ordinal);
  const real = container.header.real === null ? null : realFrom(container.header.real);
  if ((ordinal === null) === (real === null)) throw invalid('the student file has not exactly one scale');
  const outputs = ordinal ? ordinal.calibrations.length : 1;
  const linear = headFrom(container, 'linear', columnsOf(encoding), outputs);
  return { model: { encoding, linear, ordinal, real, minimum, maximum, tolerance, certain: certainFrom(certain) }, metadata };
}

function ordinalFrom(value: Json | undefined): OrdinalScale {
  const { levels, calibrations } = record(value);
  if (!isNumbers(levels) || levels.length < 2 || levels.some((level, j) => j > 0 && level <= levels[j - 1]!))
    throw invalid('the levels of the student file do not rise');
  return { levels, calibrations: logisticsFrom(calibrations, levels.length - 1) };
}

function realFrom(value: Json | undefined): RealScale {
  const { mean, deviation, accuracy } = record(value);
  if (!isNumber(mean) || !isNumber(deviation) || !(deviation > 0)) throw invalid('the scale of the student file is wrong');
  return { mean, deviation, accuracy: logisticFrom(accuracy, ACCURACY_COLUMNS) };
}

function logisticsFrom(value: Json | undefined, count: number) {
  if (!Array.isArray(value) || value.length !== count) throw invalid('the calibrations of the student file are wrong');
  return value.map((each) => logisticFrom(each, 1));
}
