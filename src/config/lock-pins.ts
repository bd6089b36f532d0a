import type { EpochMs } from '../core/index.ts';
import { ConfigError } from './config-error.ts';
import type { RawLock } from './lock-schema.ts';
import type { Source } from './source.ts';

/** What a model of the config was when it was last looked at: what it is asked as, and what answered. */
export interface Pin {
  /** Its name in the config. */
  readonly alias: string;
  readonly provider: string;
  /** Its name on the wire. */
  readonly model: string;
  /** The model that answers said they came from, newest; null where none said it. */
  readonly servedModel: string | null;
  /** Every system_fingerprint that answers carried, sorted. */
  readonly systemFingerprints: readonly string[];
  readonly firstSeen: EpochMs | null;
  readonly lastSeen: EpochMs | null;
  /** What its vendor had announced; null where no date was known. */
  readonly shutdown: PinnedShutdown | null;
}

export interface PinnedShutdown {
  /** First day (UTC) on which calls may fail, as 2027-01-14. */
  readonly on: string;
  readonly replacement: string | null;
  readonly source: string;
  readonly asOf: string;
}

/** The pins of a lock file, by model. Throws ConfigError for a second pin of one model. */
export function pinsIn(raw: RawLock, source: Source): ReadonlyMap<string, Pin> {
  const pins = new Map<string, Pin>();
  for (const [i, pin] of (raw.pins ?? []).entries()) {
    if (pins.has(pin.alias)) {
      const message = `pins.${i} is a second one for the model "${pin.alias}"; keep one.`;
      throw new ConfigError([{ message, position: source.at(['pins', i]) }]);
    }
    pins.set(pin.alias, { ...pin, firstSeen: timeOf(pin.firstSeen), lastSeen: timeOf(pin.lastSeen) });
  }
  return pins;
}

/** Pins as the lock file writes them, models in order. */
export function rawPins(pins: ReadonlyMap<string, Pin>): NonNullable<RawLock['pins']> {
  return [...pins.values()]
    .sort((a, b) => (a.alias < b.alias ? -1 : 1))
    .map(({ alias, provider, model, servedModel, systemFingerprints, firstSeen, lastSeen, shutdown }) => ({
      alias,
      provider,
      model,
      servedModel,
      systemFingerprints: [...systemFingerprints],
      firstSeen: instantOf(firstSeen),
      lastSeen: instantOf(lastSeen),
      shutdown,
    }));
}

function timeOf(instant: string | null): EpochMs | null {
  return instant === null ? null : Date.parse(instant);
}

function instantOf(time: EpochMs | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
