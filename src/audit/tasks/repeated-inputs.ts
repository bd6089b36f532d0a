import { type NanoUsd, ZERO_USD } from '../../core/index.ts';
import type { AuditCall } from '../types.ts';

/** Inputs of one task that are remembered; later new ones are not. */
const MOST_INPUTS = 20_000;

interface Seen {
  readonly model: string;
  readonly output: number;
  readonly cost: NanoUsd | null;
}

/** Answers of two models to the same prompts. `dear` and `cheap` are by their mean cost on exactly these prompts. */
export interface ModelPairs {
  readonly first: string;
  readonly second: string;
  readonly pairs: number;
  readonly agreed: number;
  readonly firstCost: NanoUsd;
  readonly secondCost: NanoUsd;
}

/** Prompts that were asked more than once: what a cache would have answered, and what another model answered to the same. */
export class RepeatedInputs {
  readonly #seen = new Map<number, Seen>();
  readonly #pairs = new Map<string, ModelPairs>();
  /** Calls that repeat an earlier prompt to the same model, and those of them that got the same answer. */
  repeats = 0;
  agreed = 0;
  /** What the repeats cost. */
  cost: NanoUsd = ZERO_USD;
  /** Calls whose prompts could be compared. */
  compared = 0;

  /** Adds a call. Failures and answers from a cache are left out. */
  add(call: AuditCall): void {
    if (call.status !== 'ok' || call.userTexts.length === 0) return;
    this.compared += 1;
    const input = hashOf([call.system ?? '', ...call.userTexts]);
    const answer = call.output === null ? null : call.output.trim().toLowerCase();
    const now: Seen = { model: call.servedModel ?? call.model, output: hashOf([answer ?? call.toolCalls.join(' ')]), cost: call.cost };
    const before = this.#seen.get(input);
    if (before === undefined) {
      if (this.#seen.size < MOST_INPUTS) this.#seen.set(input, now);
      return;
    }
    const isSame = before.output === now.output;
    if (before.model === now.model) {
      this.repeats += 1;
      if (isSame) this.agreed += 1;
      this.cost = (this.cost + (call.cost ?? 0)) as NanoUsd;
    } else if (answer !== null && before.cost !== null && now.cost !== null) this.#pair(before, now, isSame);
  }

  /** Pairs of models that answered the same prompts, the most compared first. */
  get pairs(): readonly ModelPairs[] {
    return [...this.#pairs.values()].sort((a, b) => b.pairs - a.pairs);
  }

  /** Takes over another task's repeats: prompts of different templates are never the same. */
  merge(other: RepeatedInputs): void {
    this.repeats += other.repeats;
    this.agreed += other.agreed;
    this.compared += other.compared;
    this.cost = (this.cost + other.cost) as NanoUsd;
    for (const [input, seen] of other.#seen) if (this.#seen.size < MOST_INPUTS) this.#seen.set(input, seen);
    for (const [key, pairs] of other.#pairs) {
      const known = this.#pairs.get(key);
      this.#pairs.set(key, known === undefined ? pairs : addPairs(known, pairs));
    }
  }

  #pair(a: Seen, b: Seen, isSame: boolean): void {
    const [first, second] = a.model < b.model ? [a, b] : [b, a];
    const key = `${first.model}\u0000${second.model}`;
    const one: ModelPairs = {
      first: first.model,
      second: second.model,
      pairs: 1,
      agreed: isSame ? 1 : 0,
      firstCost: first.cost ?? ZERO_USD,
      secondCost: second.cost ?? ZERO_USD,
    };
    const known = this.#pairs.get(key);
    this.#pairs.set(key, known === undefined ? one : addPairs(known, one));
  }
}

function addPairs(a: ModelPairs, b: ModelPairs): ModelPairs {
  return {
    ...a,
    pairs: a.pairs + b.pairs,
    agreed: a.agreed + b.agreed,
    firstCost: (a.firstCost + b.firstCost) as NanoUsd,
    secondCost: (a.secondCost + b.secondCost) as NanoUsd,
  };
}

/** 52 bits of two FNV-1a hashes: among 20,000 inputs two differ and collide once in ten million logs. */
function hashOf(texts: readonly string[]): number {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (const text of texts) {
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 13);
    }
    a = Math.imul(a ^ 0xffff, 0x01000193);
    b = Math.imul(b ^ 0xffff, 0x85ebca6b);
  }
  return (a >>> 0) * 2 ** 20 + ((b >>> 0) & 0xfffff);
}
