export { type ClassificationReport, type ConfusionMatrix, classificationReport, type LabelScores } from './classification.ts';
export { type SchemaCheck, schemaCheck } from './json-schema.ts';
export { comparePaired, type IntervalOptions, meanInterval, type PairedComparison, retention } from './paired.ts';
export { type BoundMetric, defaultMetric, type MetricSpec, parseMetric } from './parse.ts';
export { type MetricName, metricNames, metrics } from './table.ts';
export type { Case, Metric, MetricOptions, Scored } from './types.ts';
export { validateOutput } from './validate.ts';
