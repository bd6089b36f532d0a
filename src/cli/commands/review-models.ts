import type { Config, Lock } from '../../config/index.ts';
import type { EpochMs } from '../../core/index.ts';
import { checkPins, type ObservedModel, observeModels } from '../../life/index.ts';
import { PriceBook, type ServiceTier } from '../../pricing/index.ts';
import type { Store } from '../../store/index.ts';
import type { ReviewDocument } from './review-schema.ts';

type PriceChange = ReviewDocument['tasks'][number]['prices'][number];
type PinLine = ReviewDocument['tasks'][number]['pins'][number];

const DAY_MS = 86_400_000;
/** A call booked in another tier is no change of price. */
const TIERS: readonly ServiceTier[] = ['default', 'batch', 'flex', 'priority'];
/** So many of the newest calls before a time are asked for one with a price. */
const CALLS = 20;

/** What `pins update` is for is no matter of a certificate: here it is only told. */
const ELSEWHERE: ReadonlySet<string> = new Set(['no-pin', 'unobserved', 'unpinned']);

/** Findings about the models of each task's ladder. */
export async function pinLines(
  config: Config,
  lock: Lock,
  store: Store | null,
  now: EpochMs,
): Promise<(task: string) => readonly PinLine[]> {
  const since = now - 30 * DAY_MS;
  const observed: ReadonlyMap<string, ObservedModel> =
    store === null ? new Map() : await observeModels(store.calls, config.models.values(), since);
  const { models, tasks, deprecations } = config;
  const checked = checkPins({ models, tasks, deprecations, lock, observed, now });
  return (task) =>
    checked
      .filter((model) => model.tasks.includes(task))
      .flatMap(({ alias, findings }) =>
        findings.map(({ kind, needsPerson, message }) => ({
          model: alias,
          kind,
          needsPerson: needsPerson && !ELSEWHERE.has(kind),
          message,
        })),
      );
}

/** Prices of some models that are others now than at `since`: by the price that calls were booked at, else by the dated price list. */
export async function priceChanges(
  names: readonly string[],
  { config, store, since, now }: { readonly config: Config; readonly store: Store | null; readonly since: EpochMs; readonly now: EpochMs },
): Promise<readonly PriceChange[]> {
  const book = new PriceBook({ declared: config.prices, warn: () => undefined });
  const changes: PriceChange[] = [];
  for (const name of names) {
    const model = config.models.get(name);
    if (model === undefined) continue;
    const current = book.inForce(model, now);
    const ids = new Set(
      TIERS.flatMap((serviceTier) => book.inForce(model, now, { serviceTier })?.steps.map(({ priceId }) => priceId) ?? []),
    );
    const rows = store === null ? [] : await store.calls.list({ model: name, until: since + 1 }, { limit: CALLS });
    const booked = rows.find(({ priceId, provider }) => priceId !== null && provider === model.provider);
    const before = booked?.priceId ?? book.inForce(model, since)?.steps[0]?.priceId ?? null;
    if (before === null || ids.has(before)) continue;
    const after = booked === undefined ? null : book.price(model, booked.usage, now);
    const costRatio = after !== null && booked?.cost ? after.cost / booked.cost : null;
    changes.push({ model: name, before, after: after?.priceId ?? current?.steps[0]?.priceId ?? null, costRatio });
  }
  return changes;
}
