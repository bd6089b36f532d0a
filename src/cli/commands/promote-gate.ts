import type { LockedCertificate } from '../../config/index.ts';
import { newId } from '../../core/index.ts';
import {
  FIRST_LOOK,
  type LifeTask,
  LookRunner,
  PART_SHARES,
  type PromotionGate,
  pending,
  promotionFigures,
  promotionGates,
} from '../../life/index.ts';
import { candidateTask } from '../../life-worker.ts';
import type { StoredPair } from '../../store/index.ts';
import { percent } from '../table.ts';
import { replayPairs, trainedOn } from './promote-evidence.ts';
import { goldenGate } from './promote-golden.ts';
import { templateGate } from './promote-template.ts';
import type { Candidate, PromoteReport, PromoteWorld } from './promote-types.ts';
import { gatherReviews } from './review-gather.ts';

/**
 * Takes a version as far as its evidence goes: golden set, fresh pairs, certificate, cost and latency. Each step that was done is on
 * record and is not done again, so the gate may be asked as often as one likes: only a new look spends of the error, and one comes when
 * there are twice as many pairs, or by `--look`.
 */
export async function passGate(candidate: Candidate, world: PromoteWorld): Promise<PromoteReport> {
  const none = { evidence: null, certificate: null, figures: null, diff: '' };
  const template = await templateGate(candidate, world);
  const before = template === null ? [] : [template];
  if (template?.state === 'failed') return { ...none, outcome: 'refused', reason: template.reason, gates: before };
  const golden = await goldenGate(candidate, world);
  if (golden.state === 'failed') return { ...none, outcome: 'refused', reason: golden.reason, gates: [...before, golden] };
  if (golden.state === 'waiting') return { ...none, outcome: 'stopped', reason: golden.reason, gates: [...before, golden] };
  const { evidence, gate, certificate, outcome } = await certify(candidate, world);
  const found = { evidence, diff: '' };
  if (certificate === null) return { ...found, outcome, reason: gate.reason, gates: [...before, golden, gate], certificate, figures: null };
  const pairs = await world.app.store.pairs.list({ task: candidate.task.name });
  const figures = promotionFigures(certificate, candidate.incumbent, fresh(pairs, candidate));
  const gates = [...before, golden, gate, ...promotionGates(figures, world.options.maxP95LatencyRatio)];
  const failed = gates.find(({ state }) => state === 'failed');
  return { ...found, outcome: failed === undefined ? 'ready' : 'refused', reason: (failed ?? gate).reason, gates, certificate, figures };
}

/** Pairs that came after the candidate's training: what it costs and how long it takes is told by those, whoever answered. */
function fresh(pairs: readonly StoredPair[], { until }: Candidate): readonly StoredPair[] {
  return until === null ? pairs : pairs.filter(({ at }) => at > until);
}

interface Certified {
  readonly evidence: PromoteReport['evidence'];
  readonly gate: PromotionGate;
  readonly certificate: LockedCertificate | null;
  readonly outcome: 'refused' | 'not-enough' | 'ready';
}

async function certify(candidate: Candidate, world: PromoteWorld): Promise<Certified> {
  const { app, config, clock, io, options } = world;
  const { task, model, until, rows } = candidate;
  const client = await app.client(model);
  const replayed = await replayPairs(app, { task, model, client, until, capture: config.capture, signal: io.signal });
  const own = await app.store.pairs.list({ task: task.name, small: model.name });
  const excluded = rows === null ? new Set<string>() : trainedOn(own, rows);
  const life = await candidateTask(config, task, model, until);
  const runner = new LookRunner([life], {
    store: app.store,
    clock,
    newId,
    warn: (message) => io.note(message),
    gate: true,
    isTrainedOn: (_small, pair) => excluded.has(pair.id),
  });
  const proposal = await proposed(candidate, world, life);
  if (proposal !== null) return { evidence: null, certificate: proposal, outcome: 'ready', gate: certificateGate(proposal) };
  const [one] = life.candidates;
  const plan = one === undefined ? null : await runner.plan(life, one);
  if (plan === null) {
    const all = Math.ceil(FIRST_LOOK / PART_SHARES.certify);
    const gate = waiting(`Not enough evidence: ${all} more pairs. None of it is on record. ${how(candidate)}`);
    return { evidence: { n: 0, size: FIRST_LOOK, k: 1, morePairs: all, replayed }, certificate: null, outcome: 'not-enough', gate };
  }
  const morePairs = Math.max(0, Math.ceil((plan.size - plan.n) / PART_SHARES.certify));
  const evidence = { n: plan.n, size: plan.size, k: plan.k, morePairs, replayed };
  if (morePairs > 0 && options.look !== true) {
    const reason = `Not enough evidence: ${morePairs} more pairs. ${plan.n} fair ones of after its training are there to certify on, and the look waits for ${plan.size}. ${how(candidate)}`;
    return { evidence, certificate: null, outcome: 'not-enough', gate: waiting(reason) };
  }
  const [result] = await runner.run({ task: task.name, by: 'retrained' });
  if (result === undefined) {
    return { evidence, certificate: null, outcome: 'not-enough', gate: waiting('Another process looked at the same time: ask again.') };
  }
  const after = { ...evidence, n: result.look.n, k: result.look.k };
  if (result.certificate !== null) {
    return {
      evidence: { ...after, morePairs: 0 },
      certificate: result.certificate,
      outcome: 'ready',
      gate: certificateGate(result.certificate),
    };
  }
  const needed = result.needed ?? 0;
  const look = `Look ${result.look.k} at ${result.look.n} pairs`;
  if (result.look.verdict === 'not-enough') {
    const reason = `${look}: not enough evidence${needed > 0 ? `, ${needed} more pairs` : ''}.`;
    return { evidence: { ...after, morePairs: needed }, certificate: null, outcome: 'not-enough', gate: waiting(reason) };
  }
  const kept = `it keeps ${percent(result.look.retained)} of the ceiling's quality, surely ${percent(result.look.lowerBound)}`;
  return {
    evidence: after,
    certificate: null,
    outcome: 'refused',
    gate: { name: 'certificate', state: 'failed', reason: `${look}: no policy keeps the floor; ${kept}.` },
  };
}

/** A certificate of this very version that waits already, by whoever's look. */
async function proposed({ task, model, locked }: Candidate, world: PromoteWorld, life: LifeTask): Promise<LockedCertificate | null> {
  const { config, lock, clock, io, app } = world;
  const [gathered] = await gatherReviews([task.name], app.store, { config, lock, clock, note: (message) => io.note(message) });
  const pins = life.candidates[0]?.pins;
  if (gathered === undefined || pins === undefined) return null;
  const question = { ...gathered, pins: new Map([...gathered.pins, [model.name, pins]]) };
  const mine = pending(question).find(({ certificate }) => certificate.small === model.name && certificate.id !== locked?.id);
  return mine?.certificate ?? null;
}

function certificateGate({ verdict, accepted, retained, retainedLowerBound, pairs, look }: LockedCertificate): PromotionGate {
  const does = verdict === 'swap' ? 'it may answer everything' : `it may keep ${percent(accepted)} of the answers`;
  const which = look === null ? '' : `, look ${look}`;
  return {
    name: 'certificate',
    state: 'passed',
    reason: `By ${pairs} pairs of after its training${which}: ${does}, and keeps ${percent(retained)} of the quality, at least ${percent(retainedLowerBound)}.`,
  };
}

function waiting(reason: string): PromotionGate {
  return { name: 'evidence', state: 'waiting', reason };
}

/** Where pairs come from, for whoever waits for them. */
function how({ task, model }: Candidate): string {
  if (task.shadow === null) return `Add \`shadow:\` to the task ${task.name}: then traffic brings them.`;
  if (!task.shadow.candidates.includes(model.name)) return `Add "${model.name}" to shadow.candidates of the task ${task.name}.`;
  return `Traffic brings them: ${percent(task.shadow.share, 0)} of the requests.`;
}
