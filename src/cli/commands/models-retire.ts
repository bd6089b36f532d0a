import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Config, loadConfig, lockPathOf, type ModelConfig, readLock, shutdownOf, studentVersion } from '../../config/index.ts';
import { type Clock, newId, SmallfirstError, systemClock } from '../../core/index.ts';
import { type Retirement, retirementsOf, type VersionRecord } from '../../life/index.ts';
import { providers } from '../../providers/index.ts';
import { openStoreBeside } from '../../store-location.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { renderTable } from '../table.ts';
import { recordOrNull } from './models-history.ts';
import { gatherVersions, taskNamed } from './versions-gather.ts';

export interface ModelsRetireOptions {
  readonly config: string;
  readonly data: string;
  readonly task?: string;
  /** Days after which a candidate that nobody asked is idle. */
  readonly idleDays: number;
  readonly write?: boolean;
  /** Also deletes the folders of retired students. */
  readonly delete?: boolean;
  readonly json: boolean;
}

const DAY_MS = 86_400_000;

/**
 * `smallfirst models retire [NAMES]`: which versions may go and why; with `--write` they go, and no gate lets them in again. A version that
 * is named goes without a rule, but never the one in force. Answers 1 while there is something to do.
 */
export async function runModelsRetire(
  names: readonly string[],
  options: ModelsRetireOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<ExitCode> {
  if (options.delete && !options.write) throw new SmallfirstError('USAGE', '--delete needs --write: without it nothing is done.');
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const found = await find(names, options, { config, clock, io });
  const deleted: string[] = [];
  if (options.write && found.length > 0) {
    const store = await openStoreBeside(resolve(io.cwd, options.data), config.store);
    try {
      const at = clock.now();
      const events = found.map(({ task, model, rule, reason }) => ({
        id: newId(),
        task,
        at,
        kind: 'retired' as const,
        certificate: null,
        reason,
        detail: { model, rule },
      }));
      await store.events.add(events);
    } finally {
      await store.close();
    }
    if (options.delete) for (const { model } of found) if (await deleteFolder(model, config)) deleted.push(model);
  }
  if (options.json) io.json({ retired: options.write === true, versions: found, deleted });
  else io.out(render(found, options.write === true));
  for (const { model, task } of found) {
    if (options.write && config.tasks.get(task)?.ladder.includes(model))
      io.note(`Take "${model}" off the ladder of ${task} in ${config.file}.`);
  }
  if (found.length > 0 && !options.write) io.note('Nothing was done; --write retires them.');
  return found.length > 0 && !options.write ? 1 : 0;
}

type Found = Omit<Retirement, 'rule'> & { readonly rule: Retirement['rule'] | 'by-hand' };

async function find(
  names: readonly string[],
  options: ModelsRetireOptions,
  { config, clock, io }: { readonly config: Config; readonly clock: Clock; readonly io: CommandIo },
): Promise<readonly Found[]> {
  const lock = await readLock(lockPathOf(config.file));
  const now = clock.now();
  const store = await recordOrNull(options, io);
  try {
    const found: Found[] = [];
    const all: VersionRecord[] = [];
    const tasks = options.task === undefined ? [...config.tasks.values()] : [taskNamed(config, options.task)];
    for (const task of tasks) {
      const versions = await gatherVersions(task, store, { config, lock, now });
      all.push(...versions);
      found.push(
        ...retirementsOf(versions, {
          now,
          idleMs: options.idleDays * DAY_MS,
          shutdownOf: (model) => shutdownAt(config.models.get(model), config),
        }),
      );
    }
    if (names.length === 0) return found;
    return names.flatMap((name) => byName(name, { all, found, lock }));
  } finally {
    await store?.close();
  }
}

function byName(
  name: string,
  {
    all,
    found,
    lock,
  }: { readonly all: readonly VersionRecord[]; readonly found: readonly Found[]; readonly lock: Awaited<ReturnType<typeof readLock>> },
): readonly Found[] {
  const versions = all.filter(({ model }) => model === name);
  if (versions.length === 0) throw new SmallfirstError('MODEL_NOT_FOUND', `"${name}" is no version of a model below a ceiling.`);
  const held = [...lock.certificates.values()].find(({ small }) => small === name);
  if (held !== undefined) {
    throw new SmallfirstError('USAGE', `"${name}" has the task "${held.task}" by the lock file: roll back or promote another one first.`);
  }
  return versions
    .filter(({ stage }) => stage !== 'retired')
    .map(
      ({ task, model }) =>
        found.find((each) => each.task === task && each.model === model) ?? {
          task,
          model,
          rule: 'by-hand',
          reason: 'A person retired it.',
        },
    );
}

function shutdownAt(model: ModelConfig | undefined, config: Config): number | null {
  const coming = model === undefined ? null : shutdownOf(model, config.deprecations);
  return coming === null ? null : Date.parse(`${coming.shutdown}T00:00:00Z`);
}

/** Deletes the folder of a student's version, and of nothing else. */
async function deleteFolder(model: string, config: Config): Promise<boolean> {
  const named = studentVersion(model);
  if (named === null) return false;
  const own = config.models.get(`student/${named.student}`)?.path;
  const path = config.models.get(model)?.path ?? (own == null ? null : `${own}@${named.version}`);
  if (path === null || !(await stat(join(path, 'student.json')).catch(() => null))) return false;
  await rm(path, { recursive: true });
  return true;
}

function render(found: readonly Found[], isDone: boolean): string {
  if (found.length === 0) return 'No version may go.\n';
  const table = renderTable(
    [{ head: 'task' }, { head: 'model' }, { head: isDone ? 'retired because' : 'rule' }, { head: 'reason' }],
    found.map(({ task, model, rule, reason }) => [task, model, rule, reason]),
  );
  return table;
}
