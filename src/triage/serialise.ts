import { createHash } from 'node:crypto';
import { type Json, SmallfirstError } from '../core/index.ts';
import type { Name } from './encoding.ts';
import { BUCKETS, MEASURES } from './feature-scanner.ts';
import type { TriageModel } from './model.ts';
import type { TriageReport } from './report.ts';

/** What is kept beside the model: when and from what it was trained, and how it did. */
export interface TriageCard {
  readonly format: 'smallfirst-triage';
  readonly version: 1;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly seed: number;
  readonly dataHash: string;
  readonly tasks: readonly string[];
  readonly categories: number;
  readonly features: number;
  readonly penalty: number;
  readonly report: TriageReport;
}

const MAGIC = 'SFTRIAGE';
const FORMAT_VERSION = 1;
const PREFIX = 16;
const CHECKSUM = 32;

/** Magic (8 bytes), format version and header length (uint32), header (JSON), buckets (int32), idf and weights (float32), SHA-256 of all before it. */
export function serialiseTriage(model: TriageModel, card: TriageCard): Uint8Array {
  const { buckets, idf, means, scales, names } = model.encoding;
  const { weights, cuts } = model;
  const header = Buffer.from(JSON.stringify({ card, cuts, names, means: [...means], scales: [...scales], features: buckets.length }));
  const bytes = Buffer.alloc(PREFIX + header.length + (buckets.length + idf.length + weights.length) * 4 + CHECKSUM);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE(header.length, 12);
  header.copy(bytes, PREFIX);
  let at = PREFIX + header.length;
  for (const bucket of buckets) at = bytes.writeInt32LE(bucket, at);
  for (const value of idf) at = bytes.writeFloatLE(value, at);
  for (const value of weights) at = bytes.writeFloatLE(value, at);
  createHash('sha256').update(bytes.subarray(0, at)).digest().copy(bytes, at);
  return bytes;
}

/** Reads a model back, with its card and `sha256:` version. Throws TRIAGE_FILE_INVALID for a foreign, newer, truncated, changed or inconsistent file. */
export function parseTriage(file: Uint8Array): { readonly model: TriageModel; readonly card: TriageCard; readonly version: string } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const end = bytes.length - CHECKSUM;
  if (end < PREFIX || bytes.toString('latin1', 0, 8) !== MAGIC) throw invalid('this is not a triage file');
  const format = bytes.readUInt32LE(8);
  if (format !== FORMAT_VERSION) throw invalid(`the triage file has format version ${format}; this smallfirst reads ${FORMAT_VERSION}`);
  const checksum = createHash('sha256').update(bytes.subarray(0, end)).digest();
  if (!checksum.equals(bytes.subarray(end))) throw invalid('the triage file is damaged or cut short: its checksum does not fit');
  const headerEnd = PREFIX + bytes.readUInt32LE(12);
  if (headerEnd > end) throw invalid('the triage file has a header longer than itself');
  const header = parseHeader(bytes.toString('utf8', PREFIX, headerEnd));
  const columns = header.features + MEASURES.length + header.names.length;
  if (headerEnd + (header.features * 2 + (columns + 1) * 2) * 4 !== end)
    throw invalid('the triage file does not hold what its header says');
  const buckets = new Int32Array(header.features);
  const idf = new Float32Array(header.features);
  const weights = new Float32Array((columns + 1) * 2);
  let at = headerEnd;
  for (let i = 0; i < buckets.length; i += 1, at += 4) buckets[i] = bytes.readInt32LE(at);
  for (let i = 0; i < idf.length; i += 1, at += 4) idf[i] = bytes.readFloatLE(at);
  for (let i = 0; i < weights.length; i += 1, at += 4) weights[i] = bytes.readFloatLE(at);
  if (!buckets.every((bucket, i) => bucket >= 0 && bucket < BUCKETS && (i === 0 || bucket > buckets[i - 1]!)))
    throw invalid('the features of the triage file are out of order');
  if (!idf.every(Number.isFinite) || !weights.every(Number.isFinite)) throw invalid('the triage file holds a number that is not finite');
  const { card, cuts, names, means, scales } = header;
  return {
    model: { encoding: { buckets, idf, means: Float64Array.from(means), scales: Float64Array.from(scales), names }, weights, cuts },
    card,
    version: `sha256:${checksum.toString('hex')}`,
  };
}

interface Header {
  readonly card: TriageCard;
  readonly cuts: readonly [number, number];
  readonly names: readonly Name[];
  readonly means: readonly number[];
  readonly scales: readonly number[];
  readonly features: number;
}

function parseHeader(text: string): Header {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (cause) {
    throw new SmallfirstError('TRIAGE_FILE_INVALID', 'the header of the triage file is not JSON', { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalid('the header of the triage file is no object');
  const { card, cuts, names, means, scales, features } = parsed as { readonly [key: string]: Json | undefined };
  const known = areNumbers(cuts, 2) && areNumbers(means, MEASURES.length) && areNumbers(scales, MEASURES.length) && areNames(names);
  if (!known || typeof features !== 'number' || !Number.isSafeInteger(features) || features < 0 || !isCard(card))
    throw invalid('the header of the triage file lacks a part');
  return parsed as unknown as Header;
}

function areNumbers(value: Json | undefined, length: number): boolean {
  return Array.isArray(value) && value.length === length && value.every((item) => typeof item === 'number');
}

function areNames(value: Json | undefined): boolean {
  return (
    Array.isArray(value) &&
    value.every((item) => isText((item as Partial<Name> | null)?.task) && isText((item as Partial<Name> | null)?.category))
  );
}

function isText(value: unknown): boolean {
  return value === null || typeof value === 'string';
}

function isCard(value: Json | undefined): boolean {
  const card = value as Partial<TriageCard> | null | undefined;
  return card?.format === 'smallfirst-triage' && card.version === 1 && typeof card.report?.use === 'boolean';
}

function invalid(message: string): SmallfirstError {
  return new SmallfirstError('TRIAGE_FILE_INVALID', message);
}
