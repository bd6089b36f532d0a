import type { Fields, PredictionRow, StudentPrediction } from './types.ts';

/** What `predict --rows` writes about a row. */
export interface RowPrediction {
  readonly id?: string | number;
  readonly label?: string;
  readonly labels?: readonly string[];
  readonly fields?: Fields;
  readonly value?: number;
  readonly confidence: number;
  readonly inScope: number;
  readonly outOfScope: boolean;
}

/** A prediction as a line of the rows file, under the row's id if it has one. */
export function rowPrediction({ id }: PredictionRow, said: StudentPrediction): RowPrediction {
  const { label, labels, fields, value, confidence, inScope, outOfScope } = said;
  return {
    ...(id === undefined ? {} : { id }),
    ...(label === undefined ? {} : { label }),
    ...(labels === undefined ? {} : { labels }),
    ...(fields === undefined ? {} : { fields }),
    ...(value === undefined ? {} : { value }),
    confidence,
    inScope,
    outOfScope,
  };
}
