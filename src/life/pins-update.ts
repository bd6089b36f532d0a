import { type Lock, type Pin, withoutCertificates, withPin } from '../config/index.ts';
import { checkPins } from './pins.ts';
import type { CheckedModel, ObservedModel, PinWorld } from './pins-types.ts';

/** What an update of the pins would do to a lock file. */
export interface PinUpdate {
  readonly lock: Lock;
  /** Pins that are new or differ from what the lock file held, with that. */
  readonly changed: readonly { readonly before: Pin | null; readonly after: Pin }[];
  /** Pins of models that the config does not have any more. */
  readonly dropped: readonly Pin[];
  /** Tasks whose certificate rests on a model that is another one now. */
  readonly voided: readonly { readonly task: string; readonly certificate: string; readonly reason: string }[];
}

/**
 * The lock file with every pin as things are now. A certificate is about the models of its day: where the pin of one changes what the
 * model is, by its name on the wire or by what answers, the certificates on it go.
 */
export function updatePins(world: PinWorld): PinUpdate {
  const checked = checkPins(world);
  const changed = checked.flatMap((model) => {
    const after = nextPin(model);
    return model.pin !== null && isSame(model.pin, after) ? [] : [{ before: model.pin, after }];
  });
  const dropped = [...world.lock.pins.values()].filter(({ alias }) => !checked.some((model) => model.alias === alias));
  const other = new Map(changed.flatMap(({ before, after }) => reasonOf(before, after)));
  const voided = [...world.lock.certificates.values()].flatMap(({ id, task, small, big }) => {
    const reason = other.get(small) ?? other.get(big);
    return reason === undefined ? [] : [{ task, certificate: id, reason }];
  });
  const kept = new Map([...world.lock.pins].filter(([alias]) => !dropped.some((pin) => pin.alias === alias)));
  const pinned = changed.reduce<Lock>((lock, { after }) => withPin(lock, after), { ...world.lock, pins: kept });
  const lock = withoutCertificates(
    pinned,
    voided.map(({ task }) => task),
  );
  return { lock, changed, dropped, voided };
}

function nextPin({ alias, provider, model, pin, observed, shutdown }: CheckedModel): Pin {
  const isSameName = pin !== null && pin.provider === provider && pin.model === model;
  // Rows do not keep the name on the wire: of those from before it changed, none is about the model of today.
  const seen =
    isSameName || pin === null || pin.lastSeen === null || (observed !== null && observed.firstSeen > pin.lastSeen) ? observed : null;
  const before = isSameName ? pin : null;
  return {
    alias,
    provider,
    model,
    servedModel: seen?.servedModel ?? before?.servedModel ?? null,
    systemFingerprints: fingerprints(before, seen),
    firstSeen: earliest(before?.firstSeen ?? null, seen?.firstSeen ?? null),
    lastSeen: seen?.lastSeen ?? before?.lastSeen ?? null,
    shutdown:
      shutdown === null ? null : { on: shutdown.on, replacement: shutdown.replacement, source: shutdown.source, asOf: shutdown.asOf },
  };
}

/** Of one model all that were ever seen; of another only its own. */
function fingerprints(before: Pin | null, seen: ObservedModel | null): readonly string[] {
  if (seen === null) return before?.systemFingerprints ?? [];
  const isOther = before?.servedModel != null && seen.servedModel !== null && before.servedModel !== seen.servedModel;
  if (isOther) return seen.systemFingerprint === null ? [] : [seen.systemFingerprint];
  return [...new Set([...(before?.systemFingerprints ?? []), ...seen.systemFingerprints])].sort();
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** Whether a pin still says the same; when it was last seen is no news that a review should show. */
function isSame(a: Pin, b: Pin): boolean {
  return JSON.stringify({ ...a, lastSeen: null }) === JSON.stringify({ ...b, lastSeen: null });
}

function reasonOf(before: Pin | null, after: Pin): readonly (readonly [string, string])[] {
  if (before === null) return [];
  const { alias } = after;
  if (before.provider !== after.provider || before.model !== after.model) {
    return [[alias, `${alias} was ${before.provider}/${before.model} and is ${after.provider}/${after.model}`]];
  }
  if (before.servedModel !== null && before.servedModel !== after.servedModel) {
    return [[alias, `${alias} answered as ${before.servedModel} and answers as ${after.servedModel ?? 'nobody'}`]];
  }
  return [];
}
