import { resolve } from 'node:path';
import { type App, openApp } from '../../app.ts';
import {
  type Config,
  loadConfig,
  lockPathOf,
  type ModelConfig,
  modelPlaces,
  type Pin,
  readLock,
  shutdownOf,
  suggestion,
  withoutCertificates,
  withPin,
  writeLock,
} from '../../config/index.ts';
import { type Clock, newId, SmallfirstError, systemClock } from '../../core/index.ts';
import { providers } from '../../providers/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { capLeft, estimateGoldens, type GoldenVerdict, goldenTasks, measurable, runGolden } from './pins-golden.ts';
import { renderVerdicts, servedModelIn } from './pins-verdicts.ts';

export interface PinsMigrateOptions {
  readonly config: string;
  readonly data: string;
  readonly task?: string;
  readonly set?: string;
  readonly limit?: number;
  readonly concurrency?: number;
  /** US dollars that this run may spend. */
  readonly maxCost?: number;
  /** Say what it would cost, and stop. */
  readonly estimate?: boolean;
  readonly write?: boolean;
  readonly json: boolean;
}

/** A model and what may take its place: another one of the config, or another name at the same provider. */
interface Migration {
  readonly old: ModelConfig;
  readonly replacement: ModelConfig;
  /** The replacement stands in the config under a name of its own. */
  readonly isNamed: boolean;
}

/**
 * `smallfirst pins migrate OLD NEW`: the golden sets of OLD's tasks through both models, and what they say about NEW. It is an alarm for
 * regressions and no certificate: traffic certifies. With `--write` the pin becomes NEW's and the certificates on OLD go, unless a set
 * alarms. Answers 1 for an alarm and for a run that was stopped.
 */
export async function runPinsMigrate(
  [oldName, newName]: readonly [string, string],
  options: PinsMigrateOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers });
  const migration = migrationOf(config, oldName, newName);
  const { old, replacement } = migration;
  const golden = goldenTasks(config, oldName, options, io);
  const app = await openApp(measurable(config, replacement), resolve(io.cwd, options.data), io.env);
  try {
    const estimate = await estimateGoldens(
      app,
      golden.map((one) => ({ golden: one, models: [old, replacement] })),
      options.limit ?? null,
    );
    io.note(
      estimate === null
        ? 'What it costs is not known: one of the models has no price.'
        : `About $${estimate.toFixed(4)} at most; answers on record are not asked again.`,
    );
    if (options.estimate) {
      if (options.json) io.json({ estimateUsd: estimate });
      return 0;
    }
    const verdicts: GoldenVerdict[] = [];
    for (const one of golden) {
      const run = { limit: options.limit ?? null, concurrency: options.concurrency ?? 8, maxCost: capLeft(options.maxCost, verdicts) };
      verdicts.push(
        await runGolden({ golden: one, trusted: old, suspect: replacement }, run, { app, io, client: (model) => app.client(model) }),
      );
    }
    const isAlarmed = verdicts.some(({ alarm, stopped }) => alarm === 'regression' || stopped !== null);
    const voided = options.write && !isAlarmed ? await write(migration, verdicts, { config, app, clock, io }) : null;
    if (options.json) {
      const model = ({ name, provider, model: wire }: ModelConfig) => ({ alias: name, provider, model: wire });
      io.json({
        old: model(old),
        new: model(replacement),
        estimateUsd: estimate,
        tasks: verdicts,
        written: voided !== null,
        voided: voided ?? [],
      });
    } else {
      io.out(renderVerdicts(verdicts, { trusted: oldName, suspect: newName }));
    }
    if (options.write && isAlarmed) io.note('Nothing was written: a golden set alarms, or was not run to its end.');
    return isAlarmed ? 1 : 0;
  } finally {
    await app.close();
  }
}

function migrationOf(config: Config, oldName: string, newName: string): Migration {
  const old = config.models.get(oldName);
  if (old === undefined) {
    throw new SmallfirstError(
      'MODEL_NOT_FOUND',
      `${config.file} has no model "${oldName}".${suggestion(oldName, [...config.models.keys()])}`,
    );
  }
  if (oldName === newName) throw new SmallfirstError('USAGE', `"${oldName}" cannot replace itself.`);
  const named = config.models.get(newName);
  if (named !== undefined) return { old, replacement: named, isNamed: true };
  if (old.data !== null || old.path !== null) {
    throw new SmallfirstError('MODEL_NOT_FOUND', `${config.file} has no model "${newName}", and "${oldName}" is not called over HTTP.`);
  }
  // The same door under another name. Its price is its own: what the config says is about the old one.
  return { old, replacement: { ...old, name: newName, model: newName, price: null }, isNamed: false };
}

/** Pins the replacement, and takes out every certificate that rests on the old model: from the lock file, and in the store. */
async function write(
  { old, replacement, isNamed }: Migration,
  verdicts: readonly GoldenVerdict[],
  { config, app, clock, io }: { readonly config: Config; readonly app: App; readonly clock: Clock; readonly io: CommandIo },
): Promise<readonly string[]> {
  const path = lockPathOf(config.file);
  const lock = await readLock(path);
  const now = clock.now();
  const voided = [...lock.certificates.values()].filter(({ small, big }) => small === old.name || big === old.name);
  const reason = `${old.name} gives way to ${replacement.provider}/${replacement.model}`;
  const alias = isNamed ? replacement.name : old.name;
  const coming = shutdownOf(replacement, config.deprecations);
  const pin: Pin = {
    alias,
    provider: replacement.provider,
    model: replacement.model,
    servedModel: await servedModelIn(app.store.evals, verdicts, replacement.name),
    systemFingerprints: [],
    firstSeen: now,
    lastSeen: now,
    shutdown: coming && { on: coming.shutdown, replacement: coming.replacement, source: coming.source, asOf: coming.asOf },
  };
  await writeLock(
    path,
    withPin(
      withoutCertificates(
        lock,
        voided.map(({ task }) => task),
      ),
      pin,
    ),
  );
  for (const { id, task } of voided) {
    await app.store.certificates.void(id, now, reason).catch((error: unknown) => {
      // Not every certificate of a lock file was kept in this store.
      if (!(error instanceof SmallfirstError && error.code === 'INPUT_NOT_FOUND')) throw error;
    });
    const detail = { from: `${old.provider}/${old.model}`, to: `${replacement.provider}/${replacement.model}` };
    await app.store.events.add([{ id: newId(), task, at: now, kind: 'voided', certificate: id, reason, detail }]);
  }
  if (isNamed) {
    io.note(`Now put "${replacement.name}" in the place of "${old.name}" on the ladders of ${config.file}.`);
  } else {
    const { line, column } = (await modelPlaces(config.file))(old.name);
    const place = line === undefined ? config.file : `${config.file}:${line}:${column ?? 1}`;
    io.note(`Now write \`model: ${replacement.model}\` for ${old.name} at ${place}: until then the pin and the config differ.`);
  }
  return voided.map(({ task }) => task);
}
