import { openApp } from '../../app.ts';
import type { Config, TaskConfig } from '../../config/index.ts';
import { addUsd, contentHash, type NanoUsd, newId, SmallfirstError, usage, ZERO_USD } from '../../core/index.ts';
import { chooseJudge, type JudgedPair, judgePair, judgeRows } from '../../judge/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';
import type { StoredPair } from '../../store/index.ts';
import type { CommandIo } from '../io.ts';

/** How many pairs to compare, and what that may cost. */
export interface PairwiseOptions {
  readonly pairs: number;
  readonly maxCost: NanoUsd;
  readonly seed: number;
  /** Absolute. */
  readonly data: string;
}

/** What comparing pairs gave and took. */
export interface Pairwise {
  readonly judged: readonly JudgedPair[];
  readonly parseFailures: number;
  readonly failed: number;
  readonly spent: NanoUsd;
  readonly stopped: 'aborted' | 'max-cost' | null;
}

/**
 * Has the judge of a task compare the answers of recorded pairs, drawn by the seed, in both orders. Its calls are booked to the requests
 * that the pairs come from. One pair at a time, so that the cap is passed by no more than one comparison. Throws BUDGET_UNPRICED for a
 * judge without a price, whose cap could not hold.
 */
export async function comparePairs(config: Config, task: TaskConfig, options: PairwiseOptions, io: CommandIo): Promise<Pairwise> {
  const app = await openApp(config, options.data, io.env);
  const progress = io.progress(`judge ${task.name}`, options.pairs);
  try {
    const { model, rubric } = chooseJudge(task, config.models);
    const { provider, model: wire } = model;
    const client = await app.client(model);
    const count = await loadTokenizer();
    const judged: JudgedPair[] = [];
    let [spent, failed, parseFailures] = [ZERO_USD, 0, 0];
    let stopped: Pairwise['stopped'] = null;
    for (const pair of drawn(await app.store.pairs.list({ task: task.name, drawn: 'uniform' }), options)) {
      if (io.signal.aborted) stopped = 'aborted';
      else if (spent >= options.maxCost) stopped = 'max-cost';
      if (stopped !== null) break;
      const question = { input: pair.input ?? '', a: pair.smallOutput ?? '', b: pair.bigOutput ?? '', itemId: `judge/${pair.id}` };
      const judgement = await judgePair({ ...question, judge: { model, client, rubric }, signal: io.signal });
      const rows = judgeRows(judgement.attempts, {
        requestId: pair.requestId ?? pair.id,
        task: task.name,
        key: null,
        team: null,
        model,
        newId,
        countUsage: (prompt, text) => usage({ freshInput: count(prompt), output: count(text) }),
        price: (used, at) => app.prices.price({ provider, model: wire }, used, at) ?? { cost: null, priceId: null },
      });
      const paid = rows.filter(({ usageSource }) => usageSource !== 'recorded');
      if (paid.length > 0) await app.store.calls.append(paid);
      if (paid.some(({ cost }) => cost === null)) {
        throw new SmallfirstError('BUDGET_UNPRICED', `The judge ${model.name} has no known price, so --max-cost cannot hold.`);
      }
      spent = addUsd(spent, ...paid.map(({ cost }) => cost ?? ZERO_USD));
      parseFailures += judgement.parseFailures;
      if (judgement.preference === null) failed += 1;
      judged.push({ pair, judgement });
      progress.advance(judged.length);
    }
    return { judged, parseFailures, failed, spent, stopped };
  } finally {
    progress.end();
    await app.close();
  }
}

/** Pairs whose texts are kept, in an order that the seed decides. */
function drawn(pairs: readonly StoredPair[], { pairs: most, seed }: PairwiseOptions): readonly StoredPair[] {
  return pairs
    .filter(({ input, smallOutput, bigOutput }) => input !== null && smallOutput !== null && bigOutput !== null)
    .map((pair) => ({ pair, place: contentHash({ seed, id: pair.id, small: pair.small }) }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .slice(0, most)
    .map(({ pair }) => pair);
}
