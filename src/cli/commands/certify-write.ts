import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CertifyResult } from '../../certify/index.ts';
import { type Calibrator, IDENTITY, parseCalibrator, SIGNAL_PREFERENCE, type SignalName } from '../../confidence/index.ts';
import {
  type Config,
  type LockedCertificate,
  loadConfig,
  lockPathOf,
  type ModelConfig,
  pinsOf,
  readLock,
  refuseUnpinned,
  type TaskConfig,
  unpinnedUses,
  withCertificate,
  writeLock,
} from '../../config/index.ts';
import { type Clock, contentHash, type Json, newId, type Pair, SmallfirstError } from '../../core/index.ts';
import { judgeOf } from '../../judge/index.ts';
import { ClientRegistry, loadRecording, providers } from '../../providers/index.ts';
import { openStoreToWrite } from '../../store-location.ts';
import { loadStudent } from '../../student/index.ts';
import { loadTriage } from '../../triage-folder.ts';
import type { CommandIo } from '../io.ts';

/** What turns evidence into a certificate that a gateway runs by. */
export interface CertifyWriteOptions {
  readonly task: string;
  readonly small: string;
  readonly config: string;
  /** Data directory whose store keeps the certificate too; absent: only the lock file does, and the `store:` of the config. */
  readonly data?: string | undefined;
  /** File with the calibrator that the pairs' confidences went through; absent: they are the signal itself. */
  readonly calibrator?: string | undefined;
  /** The confidences are those of the first so many tokens. */
  readonly gate?: number | undefined;
}

/** How long evidence is trusted. */
const VALID_MS = 30 * 86_400_000;

const SIGNALS: ReadonlySet<string> = new Set<SignalName>([...SIGNAL_PREFERENCE, 'mean-logprob', 'min-logprob', 'valid']);

/**
 * Writes the certificate of a task to the lock file beside the config, in place of the one that it had, and to the store where one is
 * named. A verdict for the frontier is written as well: it ends what was certified before. Returns the lock file's path. Throws
 * TASK_NOT_FOUND, MODEL_NOT_FOUND, and USAGE for a cascade whose signal nobody names.
 */
export async function writeCertificate(
  evidence: { readonly result: CertifyResult; readonly pairs: readonly Pair[]; readonly signal: string | null },
  options: CertifyWriteOptions,
  io: CommandIo,
  clock: Clock,
): Promise<string> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const { task, small, big } = placesOf(config, options);
  const { result, pairs } = evidence;
  const signal = signalOf(evidence.signal === 'confidence' ? null : evidence.signal, task, small, result);
  const issuedAt = clock.now();
  const certificate: LockedCertificate = {
    id: newId(),
    task: task.name,
    small: small.name,
    big: big.name,
    verdict: result.verdict,
    threshold: result.verdict === 'cascade' ? result.threshold : null,
    signal,
    calibrator: signal === null ? null : await calibratorOf(options, io),
    gate: options.gate === undefined ? null : { tokens: options.gate },
    method: result.method,
    floor: { retain: result.floor, level: result.level },
    look: result.look,
    delta: result.delta,
    pairs: result.pairs,
    accepted: result.verdict === 'frontier' ? 0 : result.accepted,
    retained: result.retained ?? 0,
    retainedLowerBound: result.retainedLowerBound ?? 0,
    counts: result.counts,
    evidenceHash: contentHash(pairs as unknown as Json),
    pins: {
      ...pinsOf({
        task,
        small,
        big,
        smallVersion: await versionOf(small),
        triageVersion: await triageVersionOf(task),
        judge: judgeOf(task, config.models),
      }),
      // One template: the evidence is about this prompt. Several, or none: nobody says which prompt it is about.
      ...(task.fingerprints.length === 1 ? { template: task.fingerprints[0] as string } : {}),
    },
    issuedAt,
    expiresAt: issuedAt + VALID_MS,
  };
  const path = lockPathOf(config.file);
  const lock = withCertificate(await readLock(path), certificate);
  // What a gateway would refuse to run by is not written.
  await refuseUnpinned(
    config,
    unpinnedUses(config, lock).filter((use) => use.task === task.name),
  );
  await writeLock(path, lock);
  if (options.data !== undefined || config.store !== null) {
    const store = await openStoreToWrite(resolve(io.cwd, options.data ?? '.'), config.store);
    try {
      await store.certificates.add(certificate);
    } finally {
      await store.close();
    }
  }
  return path;
}

function placesOf(config: Config, options: CertifyWriteOptions): { task: TaskConfig; small: ModelConfig; big: ModelConfig } {
  const task = config.tasks.get(options.task);
  if (task === undefined) throw new SmallfirstError('TASK_NOT_FOUND', `The config has no task "${options.task}".`);
  const ceiling = task.ladder.at(-1) ?? '';
  const small = config.models.get(options.small);
  const big = config.models.get(ceiling);
  if (small === undefined || big === undefined || !task.ladder.slice(0, -1).includes(small.name)) {
    const rungs = task.ladder.slice(0, -1).join(', ') || 'none';
    throw new SmallfirstError(
      'MODEL_NOT_FOUND',
      `"${options.small}" is not below the ceiling of the task "${task.name}"; there: ${rungs}.`,
    );
  }
  return { task, small, big };
}

/** The signal that the confidences are read from; a swap of every answer needs none. */
function signalOf(named: string | null, task: TaskConfig, small: ModelConfig, result: CertifyResult): SignalName | null {
  if (named !== null && !SIGNALS.has(named)) {
    throw new SmallfirstError('USAGE', `A gateway reads no signal "${named}" from answers; it reads ${[...SIGNALS].join(', ')}.`);
  }
  // A model that runs from a folder of its own states its own probability.
  const signal = (named as SignalName | null) ?? task.signal ?? (small.path === null ? null : 'probability');
  if (signal === null && result.verdict === 'cascade') {
    throw new SmallfirstError('USAGE', 'Nobody says which signal the confidences are: name it with --signal, or as `signal:` of the task.');
  }
  return signal;
}

async function calibratorOf(options: CertifyWriteOptions, io: CommandIo): Promise<Calibrator> {
  if (options.calibrator === undefined) return IDENTITY;
  const file = resolve(io.cwd, options.calibrator);
  try {
    return parseCalibrator(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    const message = cause instanceof SmallfirstError ? cause.message : 'the calibrator cannot be read as JSON';
    throw new SmallfirstError('INPUT_INVALID', message, { position: { file }, cause });
  }
}

/** What pins a model that lives in files; null for one that is called over HTTP. */
async function versionOf(model: ModelConfig): Promise<string | null> {
  if (model.path === null && model.data === null) return null;
  const upstream = (name: string): never => {
    throw new SmallfirstError('MODEL_NOT_FOUND', `The model ${name} is not one of files.`);
  };
  // Without an endpoint for its embeddings: a student is looked at here, not asked.
  const client = await new ClientRegistry({ loadRecording, loadStudent: (path) => loadStudent(path), upstream }).client(model);
  return client.version ?? null;
}

/** Rows that the task's triage skips are part of the evidence: another triage, other evidence. */
async function triageVersionOf({ triage }: TaskConfig): Promise<string | null> {
  return triage === null ? null : (await loadTriage(triage)).version;
}
