import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openApp } from '../../app.ts';
import {
  type Config,
  formatLock,
  type Lock,
  type LockedCertificate,
  loadConfig,
  lockPathOf,
  type ModelConfig,
  readLock,
  refuseUnpinned,
  suggestion,
  type TaskConfig,
  unpinnedUses,
  withCertificate,
  writeLock,
} from '../../config/index.ts';
import { type Clock, type Json, newId, SmallfirstError, systemClock } from '../../core/index.ts';
import { unifiedDiff } from '../../life/index.ts';
import { providers } from '../../providers/index.ts';
import { openStoreBeside } from '../../store-location.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { counted } from '../table.ts';
import { measurable } from './pins-golden.ts';
import { trainedRows } from './promote-evidence.ts';
import { passGate } from './promote-gate.ts';
import { promoteDocument, renderPromotion } from './promote-report.ts';
import type { Candidate, ModelsPromoteOptions, PromoteReport, PromoteWorld } from './promote-types.ts';
import { gatherVersions, lineageOf, taskNamed } from './versions-gather.ts';
import { parseMoment } from './versions-time.ts';

/**
 * `smallfirst models promote MODEL --task T`: takes a version through the gate as far as its evidence goes, and with `--write` puts its
 * certificate into the lock file, from where the canary takes it live. What was done is on record and not done again. Answers 0 where the
 * version is promoted, in its canary or live, 1 where something is missing or wrong.
 */
export async function runModelsPromote(
  name: string,
  options: ModelsPromoteOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const path = lockPathOf(config.file);
  const lock = await readLock(path);
  checkPlace(name, taskNamed(config, options.task), config);
  const app = await openApp(measurable(config), resolve(io.cwd, options.data), io.env, openStoreBeside);
  try {
    const world: PromoteWorld = { app, config, lock, options, io, clock };
    const candidate = await enter(name, world);
    const known = standing(candidate);
    const gated = known ?? (await passGate(candidate, world));
    const report = known === null ? await decide(candidate, gated, path, world) : gated;
    if (options.json) io.json(promoteDocument(candidate, report));
    else io.out(renderPromotion(candidate, report));
    if (report.outcome === 'promoted') io.note(`${path} is written; a running gateway begins the canary within seconds.`);
    if (report.outcome === 'ready') io.note('Nothing was written; --write puts it into the lock file.');
    return OVER.has(report.outcome) ? 0 : 1;
  } finally {
    await app.close();
  }
}

const OVER: ReadonlySet<PromoteReport['outcome']> = new Set<PromoteReport['outcome']>(['promoted', 'canary', 'live']);

/** A version that no request can reach cannot be certified. */
function checkPlace(name: string, task: TaskConfig, config: Config): void {
  const below = task.ladder.slice(0, -1);
  if (task.mode === 'observe') throw new SmallfirstError('USAGE', `The task "${task.name}" is only observed: nothing is promoted there.`);
  if (below.includes(name)) return;
  const rungs = below.join(', ') || 'none';
  const hint = suggestion(name, [...below, ...config.models.keys()]);
  throw new SmallfirstError(
    'MODEL_NOT_FOUND',
    `"${name}" is not below the ceiling of the task "${task.name}"; there: ${rungs}.${hint} Put it on the ladder in ${config.file}, beside the version that it may replace.`,
  );
}

/** Reads what is known of a version and, the first time, records that it entered the gate. Throws USAGE for a retired one. */
async function enter(name: string, { app, config, lock, options, io, clock }: PromoteWorld): Promise<Candidate> {
  const task = taskNamed(config, options.task);
  const model = config.models.get(name);
  const versions = await gatherVersions(task, app.store, { config, lock, now: clock.now() });
  const record = versions.find((version) => version.model === name);
  if (model === undefined || record === undefined) throw new SmallfirstError('MODEL_NOT_FOUND', `There is no model "${name}".`);
  if (record.stage === 'retired') throw new SmallfirstError('USAGE', `"${name}" was retired: ${record.reason} Train another version.`);
  const { version } = await app.client(model);
  const lineage = { ...(await lineageOf(model)), ...(version === undefined ? {} : { hash: version }) };
  const entered = record.steps.findLast(({ kind, detail }) => kind === 'candidate' && hashIn(detail) === lineage.hash);
  const told = (entered?.detail ?? {}) as { readonly trainedOn?: unknown; readonly until?: unknown };
  // What was declared when it entered holds until the end: another cut-off would be another look at other evidence.
  const kept = typeof told.trainedOn === 'string' ? told.trainedOn : keptRows(model);
  const file = options.trainedOn === undefined ? kept : resolve(io.cwd, options.trainedOn);
  const until =
    options.cutoff === undefined ? (typeof told.until === 'number' ? told.until : lineage.until) : parseMoment('--cutoff', options.cutoff);
  if (until !== lineage.until && file === null) {
    throw new SmallfirstError(
      'USAGE',
      '--cutoff needs --trained-on: rows of before the training ended may be among those it was trained on.',
    );
  }
  const rows = file === null ? null : await trainedRows(file);
  if (entered === undefined || until !== (told.until ?? null) || file !== (told.trainedOn ?? null)) {
    const trained = lineage.rows === null ? '' : `, trained on ${counted(lineage.rows, 'row')}`;
    const after = until === null ? '' : `; its evidence begins after ${new Date(until).toISOString()}`;
    const detail: Json = {
      model: name,
      hash: lineage.hash,
      lineage: { ...lineage },
      until,
      trainedOn: file,
    };
    const reason = `${name} entered the gate${trained}${after}.`;
    await app.store.events.add([{ id: newId(), task: task.name, at: clock.now(), kind: 'candidate', certificate: null, reason, detail }]);
  }
  const locked = lock.certificates.get(task.name) ?? null;
  const holder = versions.find((version) => version.model === locked?.small);
  const isAnswering = holder !== undefined && holder !== record && (holder.stage === 'canary' || holder.stage === 'live');
  return { task, model, lineage, until, rows, record, locked, incumbent: isAnswering ? locked : null };
}

/** The rows that a student's folder keeps, where it was trained to keep them. */
function keptRows({ path }: ModelConfig): string | null {
  const file = path === null ? null : join(path, 'rows.jsonl');
  return file !== null && existsSync(file) ? file : null;
}

function hashIn(detail: Json): unknown {
  return typeof detail === 'object' && detail !== null && 'hash' in detail ? detail.hash : undefined;
}

/** A version that has the task already: where it stands there. Null for one that has not, or not any more. */
function standing({ record, locked, lineage }: Candidate): PromoteReport | null {
  if (locked?.small !== record.model || !(record.stage === 'canary' || record.stage === 'live')) return null;
  // Another training under the same name is another version: its certificate is void by its pins.
  const pinned = locked.pins['small.version'];
  if (pinned !== undefined && pinned !== lineage.hash) return null;
  return { outcome: record.stage, reason: record.reason, gates: [], evidence: null, certificate: locked, figures: null, diff: '' };
}

async function decide(candidate: Candidate, report: PromoteReport, path: string, world: PromoteWorld): Promise<PromoteReport> {
  const { certificate } = report;
  if (report.outcome !== 'ready' || certificate === null) return report;
  const after = withCertificate(world.lock, certificate);
  const { lock } = world;
  const diff = unifiedDiff(lock.certificates.size + lock.pins.size === 0 ? '' : formatLock(lock), formatLock(after), 'smallfirst.lock');
  if (!world.options.write) return { ...report, diff };
  await promote(candidate, certificate, { path, after }, world);
  return { ...report, outcome: 'promoted', diff };
}

/** The record first, then the lock file: whoever reads the lock finds there why it is so. */
async function promote(
  { task, model, lineage, locked }: Candidate,
  certificate: LockedCertificate,
  lock: { readonly path: string; readonly after: Lock },
  { app, config, clock }: PromoteWorld,
): Promise<void> {
  await refuseUnpinned(
    config,
    unpinnedUses(config, lock.after).filter((use) => use.task === task.name),
  );
  if (locked !== null) await app.store.certificates.add(locked);
  await app.store.certificates.add(certificate);
  const place = locked === null || locked.verdict === 'frontier' ? certificate.big : locked.small;
  await app.store.events.add([
    {
      id: newId(),
      task: task.name,
      at: clock.now(),
      kind: 'promoted',
      certificate: certificate.id,
      reason: `${model.name} takes over from ${place} through the canary, by ${counted(certificate.pairs, 'pair')}.`,
      detail: { model: model.name, hash: lineage.hash, previous: locked?.id ?? null, before: (locked ?? null) as unknown as Json },
    },
  ]);
  await writeLock(lock.path, lock.after);
}
