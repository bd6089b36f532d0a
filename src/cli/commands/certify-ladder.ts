import { isAbsolute, join } from 'node:path';
import { certifyTiers } from '../../certify/index.ts';
import { type CertifyMethod, SmallfirstError } from '../../core/index.ts';
import type { CommandIo } from '../io.ts';
import { readTiers, tierMethod } from './certify-tiers.ts';
import { renderTiers, tierDocument } from './certify-tiers-report.ts';

/** What is asked of `certify --tiers`. */
export interface LadderOptions {
  readonly pairs?: string | undefined;
  /** Rows compare a whole ladder of models: true for those of `pairs`, or the file itself. */
  readonly tiers?: boolean | string | undefined;
  readonly floor: number;
  readonly level: number;
  readonly method: CertifyMethod;
  readonly look?: number | undefined;
  readonly signal?: string | undefined;
  /** How much slower than the ceiling's the 95th percentile of latency may be. */
  readonly maxP95LatencyRatio?: number | undefined;
  readonly write?: boolean | undefined;
  readonly json: boolean;
}

/**
 * `smallfirst certify --tiers`: a ladder's rows in, one certificate for all its thresholds out. Answers 1 iff the ceiling stays, else 0.
 * Throws SmallfirstError as `certify` does, before anything is printed.
 */
export async function runCertifyLadder(options: LadderOptions, io: CommandIo): Promise<0 | 1> {
  const { tiers, pairs, floor, level, look, maxP95LatencyRatio, signal } = options;
  if (options.write) {
    throw new SmallfirstError(
      'USAGE',
      '--write keeps the certificate of one small model; a lock file has no place yet for those of a whole ladder',
    );
  }
  if (typeof tiers === 'string' && pairs !== undefined) {
    throw new SmallfirstError('USAGE', 'name the file once: --tiers <file>, or --pairs <file> --tiers');
  }
  const method = tierMethod(options.method);
  const file = await readTiers(fileOf(typeof tiers === 'string' ? tiers : pairs, io), { signal, abort: io.signal });
  const result = certifyTiers(file.rows, { models: file.models, floor, level, method, look, maxP95LatencyRatio });
  if (options.json) {
    for (const note of result.notes) io.note(note);
    io.json(tierDocument(result, file.signals));
  } else {
    io.out(renderTiers(result));
  }
  return result.verdict === 'frontier' ? 1 : 0;
}

/** The file that was named, from the working directory. Throws USAGE when none was. */
export function fileOf(file: string | undefined, io: CommandIo): string {
  if (file === undefined) throw new SmallfirstError('USAGE', 'name the file to certify: --pairs <file>, or --tiers <file> for a ladder');
  return isAbsolute(file) ? file : join(io.cwd, file);
}
