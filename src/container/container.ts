import { createHash } from 'node:crypto';
import { type Json, SmallfirstError } from '../core/index.ts';

/** Arrays that a file can hold; numbers are little-endian on every machine. */
export type SectionData = Int8Array | Int32Array | Float32Array;

/** What a student file holds: its kind, a JSON header and named arrays. Every kind of student uses the same container. */
export interface Container {
  /** `classifier`; a reader refuses a kind that it does not know. */
  readonly kind: string;
  readonly header: { readonly [key: string]: Json };
  readonly sections: ReadonlyMap<string, SectionData>;
}

const MAGIC = 'SFSTUDNT';
const FORMAT_VERSION = 1;
const PREFIX = 16;
const CHECKSUM = 32;

/** Magic (8 bytes), format version and header length (uint32), header (JSON), arrays one after the other, SHA-256 of all before it. */
export function writeContainer(container: Container): Uint8Array {
  const sections = [...container.sections].map(([name, data]) => ({ name, type: typeOf(data), length: data.length }));
  const header = Buffer.from(JSON.stringify({ kind: container.kind, sections, header: container.header }));
  const arrays = [...container.sections.values()];
  const size = PREFIX + header.length + arrays.reduce((sum, data) => sum + data.byteLength, 0) + CHECKSUM;
  const bytes = Buffer.alloc(size);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE(header.length, 12);
  header.copy(bytes, PREFIX);
  let at = PREFIX + header.length;
  for (const data of arrays) {
    writeArray(bytes, at, data);
    at += data.byteLength;
  }
  createHash('sha256').update(bytes.subarray(0, at)).digest().copy(bytes, at);
  return bytes;
}

/** Reads a container back. Throws STUDENT_FILE_INVALID for a foreign, newer, truncated or changed file. */
export function readContainer(file: Uint8Array): Container {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < PREFIX + CHECKSUM || bytes.toString('latin1', 0, 8) !== MAGIC) throw invalid('this is not a student file');
  const version = bytes.readUInt32LE(8);
  if (version !== FORMAT_VERSION) throw invalid(`the student file has format version ${version}; this smallfirst reads ${FORMAT_VERSION}`);
  const end = bytes.length - CHECKSUM;
  if (!createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end)))
    throw invalid('the student file is damaged or cut short: its checksum does not fit');
  const headerEnd = PREFIX + bytes.readUInt32LE(12);
  if (headerEnd > end) throw invalid('the student file has a header longer than itself');
  const { kind, header, sections } = parseHeader(bytes.toString('utf8', PREFIX, headerEnd));
  const arrays = new Map<string, SectionData>();
  let at = headerEnd;
  for (const { name, type, length } of sections) {
    const size = length * WIDTH[type];
    if (at + size > end) throw invalid(`the student file ends inside its section ${JSON.stringify(name)}`);
    arrays.set(name, readArray(bytes, at, type, length));
    at += size;
  }
  if (at !== end) throw invalid('the student file holds bytes that no section names');
  return { kind, header, sections: arrays };
}

/** The SHA-256 that a student file ends with, in hex: it pins the file's content. */
export function checksumOf(file: Uint8Array): string {
  return Buffer.from(file.subarray(Math.max(0, file.length - CHECKSUM))).toString('hex');
}

/** The one error of this file format: STUDENT_FILE_INVALID. */
export function invalid(message: string): SmallfirstError {
  return new SmallfirstError('STUDENT_FILE_INVALID', message);
}

/** A named array of the wanted type, and of `length` numbers unless that is null. Throws STUDENT_FILE_INVALID. */
export function sectionOf<T extends SectionData>(
  container: Container,
  name: string,
  type: new (length: number) => T,
  length: number | null,
): T {
  const data = container.sections.get(name);
  if (!(data instanceof type) || (length !== null && data.length !== length))
    throw invalid(`the section ${JSON.stringify(name)} of the student file is missing or has the wrong size`);
  return data;
}

/** The same array. Throws STUDENT_FILE_INVALID when a number in it is not finite. */
export function finite(data: Float32Array): Float32Array {
  if (!data.every(Number.isFinite)) throw invalid('the student file holds a number that is not finite');
  return data;
}

type SectionType = 'int8' | 'int32' | 'float32';

const WIDTH: Readonly<Record<SectionType, number>> = { int8: 1, int32: 4, float32: 4 };

interface Section {
  readonly name: string;
  readonly type: SectionType;
  readonly length: number;
}

function typeOf(data: SectionData): SectionType {
  if (data instanceof Int8Array) return 'int8';
  return data instanceof Int32Array ? 'int32' : 'float32';
}

function writeArray(bytes: Buffer, at: number, data: SectionData): void {
  if (data instanceof Int8Array) bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.length), at);
  else if (data instanceof Int32Array) for (let i = 0; i < data.length; i += 1) bytes.writeInt32LE(data[i]!, at + i * 4);
  else for (let i = 0; i < data.length; i += 1) bytes.writeFloatLE(data[i]!, at + i * 4);
}

function readArray(bytes: Buffer, at: number, type: SectionType, length: number): SectionData {
  // A copy, so that the array does not keep the whole file alive.
  if (type === 'int8') return new Int8Array(new Uint8Array(bytes.subarray(at, at + length)).buffer);
  const data = type === 'int32' ? new Int32Array(length) : new Float32Array(length);
  for (let i = 0; i < length; i += 1) data[i] = type === 'int32' ? bytes.readInt32LE(at + i * 4) : bytes.readFloatLE(at + i * 4);
  return data;
}

function parseHeader(text: string): { kind: string; header: { readonly [key: string]: Json }; sections: readonly Section[] } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new SmallfirstError('STUDENT_FILE_INVALID', 'the header of the student file is not JSON', { cause });
  }
  if (!isRecord(parsed) || typeof parsed.kind !== 'string' || !isRecord(parsed.header) || !Array.isArray(parsed.sections))
    throw invalid('the header of the student file lacks kind, header or sections');
  return {
    kind: parsed.kind,
    header: parsed.header as { readonly [key: string]: Json },
    sections: parsed.sections.map(parseSection),
  };
}

function parseSection(section: unknown): Section {
  if (!isRecord(section)) throw invalid('a section of the student file is not described');
  const { name, type, length } = section;
  const known = type === 'int8' || type === 'int32' || type === 'float32';
  if (typeof name !== 'string' || !known || typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0)
    throw invalid('a section of the student file is described wrongly');
  return { name, type, length };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
