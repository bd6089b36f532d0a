import { randomBytes } from 'node:crypto';
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { type Calibrator, parseCalibrator, type SignalName } from '../confidence/index.ts';
import { type Certificate, type Json, SmallfirstError } from '../core/index.ts';
import { parseGate } from '../triage/index.ts';
import { ConfigError, type Problem } from './config-error.ts';
import { explain } from './explain.ts';
import { type Pin, pinsIn, rawPins } from './lock-pins.ts';
import { lockSchema, type RawLock } from './lock-schema.ts';
import { Source } from './source.ts';

/** A certificate as the lock file keeps it: with what a live answer needs to be weighed by it. */
export interface LockedCertificate extends Omit<Certificate, 'signal'> {
  readonly signal: SignalName | null;
  /** How the signal becomes a probability; null where no confidence is used. */
  readonly calibrator: Calibrator | null;
  /** The confidence is that of the first tokens alone, so that a streamed text can go out early; null for the whole answer. */
  readonly gate: { readonly tokens: number } | null;
  /** A gate classifier as JSON, whose score the calibrator takes in place of a signal; absent where one signal is read. */
  readonly classifier?: Json;
}

/** What smallfirst.lock says: at most one certificate per task, and one pin per model. Written by the tool, reviewed in git. */
export interface Lock {
  readonly certificates: ReadonlyMap<string, LockedCertificate>;
  /** By name of the model in the config; empty in a lock file that was written before there were pins. */
  readonly pins: ReadonlyMap<string, Pin>;
}

export const NO_LOCK: Lock = { certificates: new Map(), pins: new Map() };

/** The lock file that belongs to a config file: beside it, by the same name. */
export function lockPathOf(configFile: string): string {
  return join(dirname(configFile), 'smallfirst.lock');
}

/** Reads a lock file's text. Throws a ConfigError with the place of everything that is wrong. */
export function parseLock(text: string, file: string): Lock {
  const source = new Source(text, file, {});
  if (source.problems.length > 0) throw failure(source.problems);
  const value = source.value();
  const parsed = lockSchema.safeParse(value);
  if (!parsed.success) throw failure(explain(parsed.error, lockSchema, source, value));
  const certificates = new Map<string, LockedCertificate>();
  for (const [i, raw] of parsed.data.certificates.entries()) {
    const at = ['certificates', i] as const;
    const wrong = flawOf(raw, certificates);
    if (wrong !== null) throw failure([{ message: `certificates.${i} ${wrong}`, position: source.at(at) }]);
    try {
      certificates.set(raw.task, certificateOf(raw));
    } catch (error) {
      if (!(error instanceof SmallfirstError)) throw error;
      throw failure([{ message: `certificates.${i}.calibrator: ${error.message}.`, position: source.at([...at, 'calibrator']) }]);
    }
  }
  const pins = pinsIn(parsed.data, source);
  return { certificates, pins };
}

/** Reads a lock file; one that is not there holds nothing. Throws a ConfigError for one that cannot be read as one. */
export async function readLock(path: string): Promise<Lock> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return NO_LOCK;
    throw new SmallfirstError('CONFIG_INVALID', 'The lock file cannot be read.', { position: { file: path }, cause });
  }
  return parseLock(text, path);
}

const HEADER = [
  'Written by `smallfirst certify --write`, `smallfirst review --write` and `smallfirst pins update --write`; review changes, do not edit.',
  'A certificate is void when it expires or when anything in its pins changes: then the frontier answers.',
];

/** A lock as text: tasks and models in order, so that a review sees only what changed. */
export function formatLock(lock: Lock): string {
  const certificates = [...lock.certificates.values()].sort((a, b) => (a.task < b.task ? -1 : 1)).map(rawOf);
  const pins = rawPins(lock.pins);
  const document = { version: 1, certificates, ...(pins.length === 0 ? {} : { pins }) } satisfies RawLock;
  return `${HEADER.map((line) => `# ${line}`).join('\n')}\n${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** Writes a lock file whole or not at all: a reader sees the old one or the new one. */
export async function writeLock(path: string, lock: Lock): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(formatLock(lock));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** A lock with one certificate added, in place of any that its task had. */
export function withCertificate(lock: Lock, certificate: LockedCertificate): Lock {
  return { ...lock, certificates: new Map([...lock.certificates, [certificate.task, certificate]]) };
}

/** A lock without the certificates of some tasks. */
export function withoutCertificates(lock: Lock, tasks: Iterable<string>): Lock {
  const certificates = new Map(lock.certificates);
  for (const task of tasks) certificates.delete(task);
  return { ...lock, certificates };
}

/** A lock with one pin added, in place of any that its model had. */
export function withPin(lock: Lock, pin: Pin): Lock {
  return { ...lock, pins: new Map([...lock.pins, [pin.alias, pin]]) };
}

function flawOf(raw: RawLock['certificates'][number], seen: ReadonlyMap<string, unknown>): string | null {
  if (seen.has(raw.task)) return `is a second one for the task "${raw.task}"; keep one.`;
  if (raw.verdict === 'cascade' && raw.threshold === null) return 'is a cascade without a threshold.';
  if (raw.verdict === 'cascade' && ((raw.signal === null && raw.classifier === undefined) || raw.calibrator === null))
    return 'is a cascade without signal and calibrator.';
  return null;
}

function certificateOf(raw: RawLock['certificates'][number]): LockedCertificate {
  const { issued, expires, calibrator, classifier, ...rest } = raw;
  // Read here only to refuse what could not score: it is kept as it is written.
  if (classifier !== undefined) parseGate(classifier);
  return {
    ...rest,
    ...(classifier === undefined ? {} : { classifier: classifier as Json }),
    calibrator: calibrator === null ? null : parseCalibrator(calibrator),
    issuedAt: Date.parse(issued),
    expiresAt: Date.parse(expires),
  };
}

function rawOf(certificate: LockedCertificate): RawLock['certificates'][number] {
  const { issuedAt, expiresAt, calibrator, classifier, ...rest } = certificate;
  return {
    ...rest,
    ...(classifier === undefined ? {} : { classifier: classifier as { readonly [key: string]: Json } }),
    calibrator: calibrator as RawLock['certificates'][number]['calibrator'],
    issued: new Date(issuedAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  };
}

function failure(problems: readonly Problem[]): ConfigError {
  return new ConfigError(problems as [Problem, ...Problem[]]);
}
