import { resolve } from 'node:path';
import { loadConfig, lockPathOf, readLock, unversioned } from '../../config/index.ts';
import { type Clock, type EpochMs, SmallfirstError, systemClock } from '../../core/index.ts';
import type { VersionRecord } from '../../life/index.ts';
import { providers } from '../../providers/index.ts';
import type { Store } from '../../store/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { openRecord } from '../record.ts';
import { percent, renderTable } from '../table.ts';
import { gatherVersions } from './versions-gather.ts';

export interface ModelsHistoryOptions {
  readonly config: string;
  readonly data: string;
  readonly json: boolean;
}

/** `smallfirst models history`: every version of a task's models with lineage, golden set, certificate and stage; of one model or task where named. */
export async function runModelsHistory(
  name: string | undefined,
  options: ModelsHistoryOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const lock = await readLock(lockPathOf(config.file));
  const store = await recordOrNull(options, io);
  try {
    const versions: VersionRecord[] = [];
    for (const task of config.tasks.values()) versions.push(...(await gatherVersions(task, store, { config, lock, now: clock.now() })));
    const shown =
      name === undefined || config.tasks.has(name)
        ? versions.filter(({ task }) => name === undefined || task === name)
        : named(versions, name);
    if (options.json) io.json({ at: new Date(clock.now()).toISOString(), versions: shown.map(versionDocument) });
    else io.out(renderVersions(shown));
    return 0;
  } finally {
    await store?.close();
  }
}

/** The record, or null where nothing was ever recorded. */
export async function recordOrNull(options: { readonly data: string; readonly config: string }, io: CommandIo): Promise<Store | null> {
  return openRecord(options, io).catch((error: unknown) => {
    if (error instanceof SmallfirstError && error.code === 'INPUT_NOT_FOUND') return null;
    throw error;
  });
}

function named(versions: readonly VersionRecord[], name: string): readonly VersionRecord[] {
  const found = versions.filter(({ model }) => model === name || unversioned(model) === name);
  if (found.length > 0) return found;
  throw new SmallfirstError('MODEL_NOT_FOUND', `"${name}" is no task, and no model or version of one that stands below a ceiling.`);
}

/** A version as `--json` prints it. */
export function versionDocument(version: VersionRecord) {
  const { task, model, stage, since, reason, exposure, lineage, golden, certificate, voided, isOnLadder, pairs } = version;
  return {
    task,
    model,
    stage,
    since: instant(since),
    reason,
    exposure,
    isOnLadder,
    lineage: { ...lineage, until: instant(lineage.until), trainedAt: instant(lineage.trainedAt) },
    golden: golden === null ? null : { ...golden, at: instant(golden.at) },
    certificate:
      certificate === null
        ? null
        : {
            id: certificate.id,
            verdict: certificate.verdict,
            threshold: certificate.threshold,
            accepted: certificate.accepted,
            retainedLowerBound: certificate.retainedLowerBound,
            pairs: certificate.pairs,
            issued: instant(certificate.issuedAt),
            expires: instant(certificate.expiresAt),
            voided,
          },
    pairs,
    lastCallAt: instant(version.lastCallAt),
    promotedAt: instant(version.promotedAt),
    endedAt: instant(version.endedAt),
    endedBecause: version.endedBecause,
    retiredAt: instant(version.retiredAt),
    steps: version.steps.map((event) => ({
      at: instant(event.at),
      kind: event.kind,
      certificate: event.certificate,
      reason: event.reason,
    })),
  };
}

function renderVersions(versions: readonly VersionRecord[]): string {
  if (versions.length === 0) return 'No task has a model below its ceiling.\n';
  const table = renderTable(
    [
      { head: 'task' },
      { head: 'model' },
      { head: 'stage' },
      { head: 'trained' },
      { head: 'rows', align: 'right' },
      { head: 'data' },
      { head: 'golden set', align: 'right' },
      { head: 'certificate' },
      { head: 'keeps', align: 'right' },
      { head: 'pairs', align: 'right' },
      { head: 'promoted' },
      { head: 'ended' },
    ],
    versions.map(({ task, model, stage, exposure, lineage, golden, certificate, pairs, promotedAt, endedAt }) => [
      task,
      model,
      stage === 'canary' ? `canary ${percent(exposure, 0)}` : stage,
      day(lineage.trainedAt),
      lineage.rows === null ? '–' : String(lineage.rows),
      lineage.dataset?.slice(0, 8) ?? '–',
      golden === null ? '–' : `${percent(golden.quality)}${golden.alarm === 'regression' ? ' WORSE' : ''}`,
      certificate === null ? '–' : `${certificate.verdict}, ≥ ${percent(certificate.retainedLowerBound)}`,
      certificate === null || certificate.verdict === 'frontier' ? '–' : percent(certificate.accepted),
      String(pairs),
      day(promotedAt),
      day(endedAt),
    ]),
  );
  const details = versions.map(({ model, stage, reason, since, isOnLadder }) => {
    const place = isOnLadder || stage === 'retired' ? '' : ' (not on the ladder)';
    return `${model}${place}: ${stage}${since === null ? '' : ` since ${day(since)}`}. ${reason}\n`;
  });
  return `${table}\n${details.join('')}`;
}

function day(at: EpochMs | null): string {
  return at === null ? '–' : new Date(at).toISOString().slice(0, 10);
}

function instant(at: EpochMs | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
