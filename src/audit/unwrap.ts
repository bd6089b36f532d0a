import { type JsonRecord, listOf, objectOf } from './values.ts';

/** Objects that only hold rows: pages of lists, buckets of reports, batches of spans, results of an eval, traces with observations. */
export function unwrap(value: unknown): readonly unknown[] {
  const record = objectOf(value);
  if (record === null) return Array.isArray(value) ? value.flatMap(unwrap) : [value];
  const inside = contentOf(record);
  return inside === null ? [record] : inside.flatMap(unwrap);
}

function contentOf(record: JsonRecord): readonly unknown[] | null {
  if (Array.isArray(record.results) && isBucket(record)) return record.results.map((item) => inBucket(item, record));
  if (Array.isArray(record.data) && (record.object === 'list' || record.object === 'page' || isPage(record))) return record.data;
  const spans = record.resourceSpans ?? record.scopeSpans ?? record.instrumentationLibrarySpans ?? record.resourceLogs ?? record.scopeLogs;
  if (Array.isArray(spans)) return spans;
  if (
    isListOfRecords(record.spans ?? record.logRecords) &&
    ('scope' in record || 'instrumentationLibrary' in record || Object.keys(record).length === 1)
  ) {
    return listOf(record.spans ?? record.logRecords);
  }
  if (Array.isArray(record.batches) && objectOf(record.batches[0])?.scopeSpans !== undefined) return record.batches;
  if (isListOfRecords(record.observations)) return listOf(record.observations);
  const evaluated = objectOf(record.results);
  return evaluated !== null && Array.isArray(evaluated.results) ? evaluated.results : null;
}

function isBucket(record: JsonRecord): boolean {
  return record.object === 'bucket' || 'start_time' in record || 'starting_at' in record;
}

/** A result knows its time only from its bucket. */
function inBucket(item: unknown, bucket: JsonRecord): unknown {
  const record = objectOf(item);
  if (record === null) return item;
  const { start_time, end_time, starting_at, ending_at } = bucket;
  return { start_time, end_time, starting_at, ending_at, ...record };
}

function isPage(record: JsonRecord): boolean {
  return isListOfRecords(record.data) && !('model' in record) && !('id' in record);
}

function isListOfRecords(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && objectOf(value[0]) !== null;
}
