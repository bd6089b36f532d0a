import { SmallfirstError } from '../core/index.ts';

/** How one label fared. Ratios with nothing below the line are 0. */
export interface LabelScores {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Rows whose gold label it is. */
  readonly support: number;
}

/** Set-level scores of single-label classification. */
export interface ClassificationReport {
  readonly n: number;
  readonly accuracy: number;
  /** Plain mean of F1 over the labels that occur as gold or as prediction. */
  readonly macroF1: number;
  /** F1 of all decisions together; equals accuracy when every answer is a label. */
  readonly microF1: number;
  /** Mean of F1 weighted by support. */
  readonly weightedF1: number;
  readonly perLabel: readonly LabelScores[];
  readonly confusion: ConfusionMatrix;
}

export interface ConfusionMatrix {
  /** Declared labels first, then others in order of appearance. */
  readonly labels: readonly string[];
  /** `counts[gold][predicted]`, by index in `labels`. */
  readonly counts: readonly (readonly number[])[];
  /** Rows of each gold label whose answer was no label at all. */
  readonly invalid: readonly number[];
}

/**
 * Accuracy, macro, micro and weighted F1 and the confusion matrix, as scikit-learn defines them with `zero_division=0`. A prediction
 * of null (an invalid answer) is wrong and predicts nothing. Throws INPUT_INVALID on lengths that differ and on no rows.
 */
export function classificationReport(
  predicted: readonly (string | null)[],
  gold: readonly string[],
  declared: readonly string[] = [],
): ClassificationReport {
  if (predicted.length !== gold.length)
    throw new SmallfirstError('INPUT_INVALID', `${predicted.length} predictions have ${gold.length} gold labels`);
  if (gold.length === 0) throw new SmallfirstError('INPUT_INVALID', 'a classification report needs at least one row');
  const confusion = confusionMatrix(predicted, gold, declared);
  const perLabel = confusion.labels.map((_, index) => labelScores(confusion, index));
  const seen = perLabel.filter((row, index) => row.support > 0 || predictions(confusion, index) > 0);
  const right = confusion.labels.reduce((sum, _, index) => sum + confusion.counts[index]![index]!, 0);
  const invalid = confusion.invalid.reduce((sum, count) => sum + count, 0);
  const n = gold.length;
  return {
    n,
    accuracy: right / n,
    macroF1: seen.reduce((sum, row) => sum + row.f1, 0) / seen.length,
    microF1: (2 * right) / (n + (n - invalid)),
    weightedF1: perLabel.reduce((sum, row) => sum + row.f1 * row.support, 0) / n,
    perLabel,
    confusion,
  };
}

function confusionMatrix(predicted: readonly (string | null)[], gold: readonly string[], declared: readonly string[]): ConfusionMatrix {
  const labels = [...new Set([...declared, ...gold, ...predicted.filter((label) => label !== null)])];
  const place = new Map(labels.map((label, index) => [label, index]));
  const counts = labels.map(() => new Array<number>(labels.length).fill(0));
  const invalid = new Array<number>(labels.length).fill(0);
  for (const [row, label] of gold.entries()) {
    const at = place.get(label)!;
    const answer = predicted[row] ?? null;
    if (answer === null) invalid[at]! += 1;
    else counts[at]![place.get(answer)!]! += 1;
  }
  return { labels, counts, invalid };
}

function labelScores(confusion: ConfusionMatrix, index: number): LabelScores {
  const right = confusion.counts[index]![index]!;
  const support = confusion.counts[index]!.reduce((sum, count) => sum + count, 0) + confusion.invalid[index]!;
  const said = predictions(confusion, index);
  return {
    label: confusion.labels[index]!,
    precision: said === 0 ? 0 : right / said,
    recall: support === 0 ? 0 : right / support,
    f1: said + support === 0 ? 0 : (2 * right) / (said + support),
    support,
  };
}

function predictions(confusion: ConfusionMatrix, index: number): number {
  return confusion.counts.reduce((sum, row) => sum + row[index]!, 0);
}
