import { isAbsolute, join } from 'node:path';
import { type CertifyResult, certify } from '../../certify/index.ts';
import type { CertifyMethod } from '../../core/index.ts';
import type { CommandIo } from '../io.ts';
import { readPairs } from './certify-pairs.ts';
import { renderCertificate } from './certify-report.ts';

export interface CertifyCommandOptions {
  readonly pairs: string;
  readonly floor: number;
  readonly level: number;
  readonly method: CertifyMethod;
  readonly look?: number | undefined;
  /** Accepted for scripts that seed everything; nothing here is random. */
  readonly seed?: number | undefined;
  readonly json: boolean;
}

/**
 * `smallfirst certify`: pairs in, a certificate out. Answers 1 iff the frontier stays, else 0. Throws SmallfirstError with the
 * line for input that is wrong (exit 2); nothing has been printed by then.
 */
export async function runCertify(options: CertifyCommandOptions, io: CommandIo): Promise<0 | 1 | 2> {
  const path = isAbsolute(options.pairs) ? options.pairs : join(io.cwd, options.pairs);
  const pairs = await readPairs(path, options.method, io.signal);
  const { floor, level, method, look } = options;
  const result = certify(pairs, { floor, level, method, look });
  if (options.json) {
    for (const note of result.notes) io.note(note);
    io.json(documentOf(result));
  } else {
    io.out(renderCertificate(result));
  }
  return result.verdict === 'frontier' ? 1 : 0;
}

/** The JSON document: what the interface names, in its order, then what explains it. */
export function documentOf(result: CertifyResult): object {
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
    notes: result.notes,
  };
}
