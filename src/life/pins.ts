import { isUnpinned, type ModelConfig, namingSource, pinningOf, shutdownOf } from '../config/index.ts';
import type { EpochMs } from '../core/index.ts';
import type { CheckedModel, ComingShutdown, PinFinding, PinWorld, ShutdownAlert } from './pins-types.ts';

const DAY_MS = 86_400_000;
const ALERTS: readonly ShutdownAlert[] = [0, 7, 30, 90];

/**
 * Checks the models that answer for tasks, and those that the lock file pins: every one that is called over HTTP, in the order of the
 * config. Pure: the same world gives the same findings.
 */
export function checkPins(world: PinWorld): readonly CheckedModel[] {
  return [...world.models.values()].filter((model) => isChecked(model, world)).map((model) => checkModel(model, world));
}

/** What lives in files is pinned by their content; what no task asks and no lock holds is nobody's matter here. */
function isChecked(model: ModelConfig, { tasks, lock }: PinWorld): boolean {
  if (model.data !== null || model.path !== null) return false;
  return lock.pins.has(model.name) || [...tasks.values()].some(({ ladder }) => ladder.includes(model.name));
}

function checkModel(model: ModelConfig, world: PinWorld): CheckedModel {
  const { name: alias, provider } = model;
  const tasks = [...world.tasks.values()].filter(({ ladder }) => ladder.includes(alias));
  const known: Omit<CheckedModel, 'findings'> = {
    alias,
    provider,
    model: model.model,
    pinning: pinningOf(model),
    tasks: tasks.map(({ name }) => name),
    pin: world.lock.pins.get(alias) ?? null,
    observed: world.observed.get(alias) ?? null,
    shutdown: comingShutdown(model, world),
  };
  const isLive = tasks.some(({ mode }) => mode === 'live');
  const isCertified = [...world.lock.certificates.values()].some(({ small, big }) => small === alias || big === alias);
  const findings = [
    naming(model, known, isLive),
    wireName(known),
    served(known),
    fingerprint(known),
    shutdown(known),
    observation(known, isLive),
    lockEntry(known, isCertified),
  ];
  return { ...known, findings: findings.filter((finding) => finding !== null) };
}

type Known = Omit<CheckedModel, 'findings'>;

function naming(model: ModelConfig, { alias, observed, pinning }: Known, isLive: boolean): PinFinding | null {
  if (pinning !== 'alias') return null;
  const page = namingSource(model.provider);
  const asked = `${alias} is asked as "${model.model}", a name that its vendor moves to other models${page === null ? '' : ` (${page})`}`;
  const served = observed?.servedModel ?? null;
  const instead = served === null || served === model.model ? 'name a dated version' : `name what answers today, "${served}"`;
  if (!isUnpinned(model)) return { kind: 'unpinned', needsPerson: false, message: `${asked}; allowUnpinned permits it.` };
  return { kind: 'unpinned', needsPerson: isLive, message: `${asked}: ${instead}, or write allowUnpinned: true.` };
}

function wireName({ alias, provider, model, pin }: Known): PinFinding | null {
  if (pin === null || (pin.provider === provider && pin.model === model)) return null;
  const message = `${alias} is pinned as ${pin.provider}/${pin.model}, and the config says ${provider}/${model}: correct the config, or certify anew and run \`smallfirst pins update --write\`.`;
  return { kind: 'wire-name', needsPerson: true, message };
}

function served({ alias, pin, observed }: Known): PinFinding | null {
  if (pin === null || observed === null || pin.servedModel === null || observed.servedModel === null) return null;
  if (observed.servedModel === pin.servedModel) return null;
  const message = `${alias} was "${pin.servedModel}" when it was pinned and answers as "${observed.servedModel}": certificates on it prove nothing any more.`;
  return { kind: 'served-model', needsPerson: true, message };
}

function fingerprint({ alias, pin, observed }: Known): PinFinding | null {
  if (pin === null || observed === null || observed.systemFingerprint === null || pin.systemFingerprints.length === 0) return null;
  if (pin.systemFingerprints.includes(observed.systemFingerprint)) return null;
  const message = `${alias} answers with the system_fingerprint ${observed.systemFingerprint}, which its pin does not hold: run \`smallfirst pins drift\`, then \`smallfirst pins update --write\`.`;
  return { kind: 'fingerprint', needsPerson: true, message };
}

function shutdown({ alias, provider, model, shutdown: coming }: Known): PinFinding | null {
  if (coming === null || coming.alert === null) return null;
  const instead =
    coming.replacement === null
      ? ''
      : ` Its vendor recommends "${coming.replacement}": run \`smallfirst pins migrate ${alias} ${coming.replacement}\`.`;
  const page = ` (${coming.source}, read on ${coming.asOf})`;
  if (coming.alert === 0) {
    const message = `${alias} (${provider}/${model}) was turned off on ${coming.on}${page}.${instead}`;
    return { kind: 'past-shutdown', needsPerson: true, message };
  }
  const days = coming.daysLeft === 1 ? '1 day' : `${coming.daysLeft} days`;
  const message = `${alias} (${provider}/${model}) is turned off on ${coming.on}, in ${days}${page}.${instead}`;
  return { kind: 'shutdown', needsPerson: true, message };
}

function observation({ alias, pin, observed }: Known, isLive: boolean): PinFinding | null {
  if (observed === null && pin?.lastSeen == null) {
    const message = `No answer of ${alias} is on record, so nobody knows what it is: send it a request through the gateway.`;
    return { kind: 'unobserved', needsPerson: isLive, message };
  }
  if (observed !== null && observed.servedModel === null) {
    return { kind: 'unobserved', needsPerson: false, message: `The answers of ${alias} do not say which model they come from.` };
  }
  return null;
}

function lockEntry({ alias, pin }: Known, isCertified: boolean): PinFinding | null {
  if (pin !== null) return null;
  const message = `The lock file has no pin for ${alias}: run \`smallfirst pins update --write\`.`;
  return { kind: 'no-pin', needsPerson: isCertified, message };
}

/** The shutdown that a model's vendor has announced, counted from now; null where none is known. */
export function comingShutdown(
  model: { readonly provider: string; readonly model: string },
  { deprecations, now }: Pick<PinWorld, 'deprecations' | 'now'>,
): ComingShutdown | null {
  const found = shutdownOf(model, deprecations);
  if (found === null) return null;
  const { shutdown: on, replacement, source, asOf } = found;
  const daysLeft = daysUntil(on, now);
  return { on, daysLeft, alert: ALERTS.find((limit) => daysLeft <= limit) ?? null, replacement, source, asOf };
}

/** Whole days from now until a day (UTC) begins, counted up: from the moment it has begun on, 0 and below. */
function daysUntil(day: string, now: EpochMs): number {
  const left = Math.ceil((Date.parse(`${day}T00:00:00Z`) - now) / DAY_MS);
  // Rounding up a fraction of a day below zero gives the zero with a sign, which JSON and people do not know.
  return left === 0 ? 0 : left;
}
