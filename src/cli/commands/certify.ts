import { resolve } from 'node:path';
import { type CertifyResult, certify } from '../../certify/index.ts';
import { type CertifyMethod, type Clock, SmallfirstError, systemClock } from '../../core/index.ts';
import { agreementIn, asScoredBy } from '../../judge/index.ts';
import { openStoreToRead } from '../../store-location.ts';
import type { CommandIo } from '../io.ts';
import { fileOf, type LadderOptions, runCertifyLadder } from './certify-ladder.ts';
import { readPairs } from './certify-pairs.ts';
import { renderCertificate } from './certify-report.ts';
import { SignalChoice } from './certify-signals.ts';
import { writeCertificate } from './certify-write.ts';

export interface CertifyCommandOptions extends LadderOptions {
  readonly floor: number;
  readonly level: number;
  readonly method: CertifyMethod;
  readonly look?: number | undefined;
  /** Name of the signal that is the confidence, chosen without looking at this file. */
  readonly signal?: string | undefined;
  /** Accepted for scripts that seed everything; nothing here is random. */
  readonly seed?: number | undefined;
  readonly json: boolean;
  /** Put the certificate into the lock file; with `task`, `small` and `config`, which say whose it is. */
  readonly write?: boolean | undefined;
  readonly task?: string | undefined;
  readonly small?: string | undefined;
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly calibrator?: string | undefined;
  readonly gate?: number | undefined;
}

/**
 * `smallfirst certify`: pairs in, a certificate out. Answers 1 iff the frontier stays, else 0. Throws SmallfirstError with the
 * line for input that is wrong (exit 2); nothing has been printed by then.
 */
export async function runCertify(options: CertifyCommandOptions, io: CommandIo, clock: Clock = systemClock): Promise<0 | 1 | 2> {
  const { task, small } = options;
  if (options.write && (task === undefined || small === undefined)) {
    throw new SmallfirstError('USAGE', '--write needs --task and --small: they say whose certificate it is.');
  }
  if (options.tiers) return runCertifyLadder(options, io);
  if (options.maxP95LatencyRatio !== undefined) throw new SmallfirstError('USAGE', '--max-p95-latency-ratio is for ladders: add --tiers');
  const path = fileOf(options.pairs, io);
  const signals = new SignalChoice(options.signal);
  const scorers = new Set<string>();
  const pairs = await readPairs(path, options.method, { abort: io.signal, signals, scorers });
  const { floor, level, method, look } = options;
  const result = certify(pairs, { floor, level, method, look });
  if (options.write && task !== undefined && small !== undefined) {
    const { config = 'smallfirst.yaml', data, calibrator, gate } = options;
    const evidence = { result, pairs, signal: signals.name };
    const written = await writeCertificate(evidence, { task, small, config, data, calibrator, gate }, io, clock);
    io.note(`The certificate of ${task} is in ${written}. Commit it; a running gateway takes it up within seconds.`);
  }
  if (options.json) {
    for (const note of result.notes) io.note(note);
    io.json({ ...documentOf(result, signals.name), ...(scorers.size === 0 ? {} : { scoredBy: [...scorers].sort().join(', ') }) });
  } else {
    io.out(renderCertificate(result, signals.name));
    for (const line of await judgeLines(scorers, options, io)) io.out(`${line}\n`);
  }
  return result.verdict === 'frontier' ? 1 : 0;
}

/** By which judges the qualities are, with κ where a store that holds labels is named. */
async function judgeLines(scorers: ReadonlySet<string>, { task, data }: CertifyCommandOptions, io: CommandIo): Promise<readonly string[]> {
  const judges = [...scorers].flatMap((by) => (by.startsWith('judge:') ? by.slice('judge:'.length) : []));
  if (judges.length === 0) return [];
  if (task === undefined || data === undefined) {
    return judges.map((judge) => `\nquality as scored by judge ${judge}; its κ with people: smallfirst judge report --task <name>`);
  }
  const store = await openStoreToRead(resolve(io.cwd, data));
  try {
    return await Promise.all(judges.map(async (judge) => `\nquality ${asScoredBy(judge, await agreementIn(store, { task, judge }))}`));
  } finally {
    await store.close();
  }
}

/** The JSON document: what the interface names, in its order, then what explains it. `signal` is there only where one was used by name. */
export function documentOf(result: CertifyResult, signal: string | null): object {
  const { n, floor, level, method, verdict, reason, threshold, accepted, retained, retainedLowerBound } = result;
  return {
    n,
    floor,
    level,
    method,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    threshold,
    accepted,
    retained,
    retainedLowerBound,
    counts: result.counts,
    savings: result.savings,
    pairsNeeded: result.pairsNeeded,
    grid: result.grid.map((point) => ({ threshold: point.threshold, accepted: point.accepted, p: point.p })),
    look: result.look,
    delta: result.delta,
    pairs: result.pairs,
    requestedMethod: result.requestedMethod,
    ...(signal === null ? {} : { signal }),
    notes: result.notes,
  };
}
