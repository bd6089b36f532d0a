import { type Json, SmallfirstError } from '../core/index.ts';
import { BUCKETS, MEASURES } from './feature-scanner.ts';
import type { GateModel } from './gate.ts';
import { type GateSignal, signalColumns } from './gate-signals.ts';

const KIND = 'gate';
const VERSION = 1;

/** A gate as JSON, so that it is stored and pinned like a calibrator; long arrays are little-endian bytes in base64. */
export function gateJson(model: GateModel): Json {
  const { readsText, signals, encoding, weights, penalty } = model;
  return {
    kind: KIND,
    version: VERSION,
    readsText,
    signals: signals.map((signal) => ({ ...signal })),
    means: [...encoding.means],
    scales: [...encoding.scales],
    buckets: base64(encoding.buckets.length, (bytes, at, i) => bytes.writeInt32LE(encoding.buckets[i]!, at)),
    idf: base64(encoding.idf.length, (bytes, at, i) => bytes.writeFloatLE(encoding.idf[i]!, at)),
    weights: base64(weights.length, (bytes, at, i) => bytes.writeFloatLE(weights[i]!, at)),
    penalty,
  };
}

/** Reads a stored gate back; throws TRIAGE_FILE_INVALID when it is not one that can score. */
export function parseGate(stored: unknown): GateModel {
  const fields = (typeof stored === 'object' && stored !== null ? stored : {}) as Readonly<Record<string, unknown>>;
  if (fields.kind !== KIND || fields.version !== VERSION) throw invalid(`it is not a gate of version ${VERSION}`);
  const { readsText, signals, means, scales, penalty } = fields;
  if (typeof readsText !== 'boolean') throw invalid('it does not say whether it reads texts');
  if (!areSignals(signals)) throw invalid('its signals cannot be read');
  if (!areNumbers(means) || !areNumbers(scales) || means.length !== MEASURES.length || scales.length !== MEASURES.length)
    throw invalid('its measures do not fit');
  const buckets = Int32Array.from(numbersOf(fields.buckets, (bytes, at) => bytes.readInt32LE(at)));
  const idf = Float32Array.from(numbersOf(fields.idf, (bytes, at) => bytes.readFloatLE(at)));
  const weights = Float32Array.from(numbersOf(fields.weights, (bytes, at) => bytes.readFloatLE(at)));
  const columns = buckets.length + MEASURES.length + signalColumns(signals);
  if (idf.length !== buckets.length || weights.length !== (columns + 1) * 2) throw invalid('its columns do not fit together');
  if (!buckets.every((bucket, i) => bucket >= 0 && bucket < BUCKETS && (i === 0 || bucket > buckets[i - 1]!)))
    throw invalid('its features are out of order');
  if (![...idf, ...weights].every(Number.isFinite) || typeof penalty !== 'number') throw invalid('it holds something that is no number');
  const encoding = { buckets, idf, means: Float64Array.from(means), scales: Float64Array.from(scales), names: [] };
  return { readsText, signals, encoding, weights, penalty };
}

function base64(length: number, write: (bytes: Buffer, at: number, index: number) => void): string {
  const bytes = Buffer.alloc(length * 4);
  for (let i = 0; i < length; i += 1) write(bytes, i * 4, i);
  return bytes.toString('base64');
}

function numbersOf(text: unknown, read: (bytes: Buffer, at: number) => number): number[] {
  if (typeof text !== 'string') throw invalid('a part of it is missing');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % 4 !== 0) throw invalid('a part of it is cut short');
  return Array.from({ length: bytes.length / 4 }, (_, i) => read(bytes, i * 4));
}

function areNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number' && Number.isFinite(item));
}

function areSignals(value: unknown): value is readonly GateSignal[] {
  return (
    Array.isArray(value) &&
    value.every((item: Partial<GateSignal> | null) => {
      const isRead = item?.input === 'log-odds' || item?.input === 'value';
      return isRead && typeof item.name === 'string' && areNumbers([item.mean, item.scale]);
    })
  );
}

function invalid(why: string): SmallfirstError {
  return new SmallfirstError('TRIAGE_FILE_INVALID', `The gate classifier cannot be read: ${why}.`);
}
