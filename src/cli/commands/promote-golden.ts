import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Json, nanoUsd, newId } from '../../core/index.ts';
import type { PromotionGate } from '../../life/index.ts';
import { percent } from '../table.ts';
import { runGolden } from './pins-golden.ts';
import type { Candidate, PromoteWorld } from './promote-types.ts';

/**
 * Asks the served version the task's golden set, once for this version of both: it is an alarm for regressions and proves nothing. What it
 * must not be worse than is the version that has the task; a first version is only compared with the ceiling, which a cascade may well
 * stand below.
 */
export async function goldenGate(candidate: Candidate, world: PromoteWorld): Promise<PromotionGate> {
  const name = 'golden';
  const { task, model, lineage, locked } = candidate;
  const { app, config, options, io, clock } = world;
  const set = task.golden;
  if (set === null) return { name, state: 'skipped', reason: 'The task has no golden set.' };
  const replaced = locked === null || locked.small === model.name ? undefined : config.models.get(locked.small);
  const trusted = replaced ?? config.models.get(task.ladder.at(-1) ?? '');
  if (trusted === undefined) return { name, state: 'skipped', reason: 'There is nothing to compare with.' };
  const setHash = createHash('sha256')
    .update(await readFile(set))
    .digest('hex');
  const asked = { model: model.name, hash: lineage.hash, prune: lineage.prune, set: setHash, trusted: trusted.name };
  const before = candidate.record.steps.findLast(({ kind, detail }) => kind === 'golden' && isSame(asked, detail));
  if (before !== undefined) return gateOf(name, before.reason, before.detail);
  const verdict = await runGolden(
    { golden: { task, set }, trusted, suspect: model },
    { limit: null, concurrency: options.concurrency ?? 8, maxCost: options.maxCost === undefined ? null : nanoUsd(options.maxCost) },
    { app, io, client: (each) => app.client(each) },
  );
  if (verdict.stopped !== null) return { name, state: 'waiting', reason: `The golden set was not asked to its end (${verdict.stopped}).` };
  const alarm = replaced === undefined ? 'none' : verdict.alarm;
  const than = `${percent(verdict.trustedQuality)} of ${trusted.name}`;
  const reason =
    alarm === 'regression'
      ? `On the golden set it is worse: ${percent(verdict.quality)} against ${than}, ${verdict.n} cases, ${verdict.lost} lost and ${verdict.gained} gained.`
      : `On the golden set: ${percent(verdict.quality)} against ${than}, ${verdict.n} cases.`;
  const { n, quality, trustedQuality, lost, gained, mcnemarP, run } = verdict;
  const detail: Json = { ...asked, alarm, n, quality, trustedQuality, lost, gained, mcnemarP, run };
  await app.store.events.add([{ id: newId(), task: task.name, at: clock.now(), kind: 'golden', certificate: null, reason, detail }]);
  return gateOf(name, reason, detail);
}

function gateOf(name: 'golden', reason: string, detail: Json): PromotionGate {
  const { alarm } = detail as { readonly alarm?: unknown };
  return { name, state: alarm === 'regression' ? 'failed' : 'passed', reason };
}

function isSame(asked: Readonly<Record<string, string | null>>, detail: Json): boolean {
  const told = (detail ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(asked).every(([key, value]) => (told[key] ?? null) === value);
}
