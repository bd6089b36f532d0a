import type { PromptGrams } from './prompt-grams.ts';

/** A template that several prompts share: what is the same in nearly all of them. */
export interface MinedTemplate {
  /** Places of its prompts in the list that was mined. */
  readonly members: readonly number[];
  /** Grams that at least eight in ten of its prompts hold. */
  readonly constant: ReadonlySet<number>;
}

/** How mining decides. */
export interface MiningOptions {
  /** Fewest prompts that make a template. */
  readonly least: number;
}

/** A gram is constant in a group when this share of its prompts holds it. */
const CONSTANT_SHARE = 0.8;
/** A prompt belongs to a template when it holds this share of its constant grams. */
export const MEMBER_SHARE = 0.6;
/** A group whose system prompts consist of constant text to this share is one template unless its parts explain nearly all of it. */
const COHESIVE_SHARE = 0.6;
/** Parts of one template become templates of their own when together they hold this share of its prompts … */
const SPLIT_COVERAGE = 0.85;
/** … or this one, where the group has little in common but its opening. */
const LOOSE_COVERAGE = 0.4;
/** Grams of a run of four words that differ: fewer are a value that varies, as a language or a tone. */
const PART_GRAMS = 6;
/** The share of a template's prompts that its smallest part must have. */
const PART_SHARE = 0.02;
const MOST_DEPTH = 4;

/**
 * The templates of a list of prompts, largest shared run first: the gram that most prompts hold makes a group, what is constant in the
 * group makes a template, and a group whose constant rest falls into parts is split again. Text that people write shares too little to
 * become a template. Prompts that belong to none are in no template.
 */
export function mineTemplates(prompts: readonly PromptGrams[], options: MiningOptions): readonly MinedTemplate[] {
  const byShape = new Map<string, number[]>();
  for (const [i, { shape }] of prompts.entries()) {
    const list = byShape.get(shape);
    if (list === undefined) byShape.set(shape, [i]);
    else list.push(i);
  }
  const found: MinedTemplate[] = [];
  for (const members of byShape.values()) new Miner(prompts, options.least).mine(members, new Set(), 0, found);
  return found;
}

class Miner {
  readonly #prompts: readonly PromptGrams[];
  readonly #least: number;

  constructor(prompts: readonly PromptGrams[], least: number) {
    this.#prompts = prompts;
    this.#least = least;
  }

  /** Mines some prompts, grams that are known to be shared by all of them left aside, and returns how many found a template. */
  mine(members: readonly number[], shared: ReadonlySet<number>, depth: number, into: MinedTemplate[]): number {
    const least = depth === 0 ? this.#least : Math.max(this.#least, Math.ceil(members.length * PART_SHARE));
    const index = this.#indexOf(members, shared, least);
    const open = new Set(members);
    let explained = 0;
    for (let gram = index.next(); gram !== null; gram = index.next()) {
      const seed = index.holders(gram).filter((i) => open.has(i));
      const constant = this.#constantOf(seed, shared);
      if (!this.#isTemplate(seed, constant, depth)) {
        index.drop(gram);
        continue;
      }
      const group = [...open].filter((i) => this.#share(i, constant) >= MEMBER_SHARE);
      const own = group.length >= seed.length ? group : seed;
      const taken = this.#settle(own, new Set([...shared, ...constant]), depth, into);
      for (const i of taken) {
        open.delete(i);
        index.remove(this.#grams(i));
      }
      explained += taken.length;
      // Whatever of the group is left must be explained by something else.
      if (taken.length < own.length) for (const each of constant) index.drop(each);
      else index.drop(gram);
    }
    return explained;
  }

  /** Makes one template of a group, or several; returns the prompts that have one now. */
  #settle(group: readonly number[], constant: ReadonlySet<number>, depth: number, into: MinedTemplate[]): readonly number[] {
    const parts: MinedTemplate[] = [];
    const covered = depth < MOST_DEPTH ? this.mine(group, constant, depth + 1, parts) / group.length : 0;
    const isCohesive = this.#cohesion(group, constant) >= COHESIVE_SHARE;
    if (covered >= (isCohesive ? SPLIT_COVERAGE : LOOSE_COVERAGE) && (parts.length > 1 || !isCohesive)) {
      into.push(...parts);
      return parts.flatMap(({ members }) => members);
    }
    if (!isCohesive && constant.size < PART_GRAMS && !this.#isMarked(group[0]!, constant)) return [];
    into.push({ members: group, constant });
    return group;
  }

  #isTemplate(seed: readonly number[], constant: ReadonlySet<number>, depth: number): boolean {
    if (constant.size === 0) return false;
    if (constant.size >= PART_GRAMS || this.#isMarked(seed[0]!, constant)) return true;
    // A short system prompt is a template; a few words that people begin with are none.
    return depth === 0 && seed.every((i) => this.#prompts[i]!.system.length > 0) && this.#inSystem(seed[0]!, constant) >= 1;
  }

  /** Whether what is constant tells by itself that this is an instruction: a leading one, a whole short system prompt, or two keys of lines. */
  #isMarked(i: number, constant: ReadonlySet<number>): boolean {
    const { lead, whole, keys } = this.#prompts[i]!;
    if ((lead !== null && constant.has(lead)) || (whole !== null && constant.has(whole))) return true;
    return keys.filter((key) => constant.has(key)).length >= 2;
  }

  #inSystem(i: number, constant: ReadonlySet<number>): number {
    return this.#prompts[i]!.system.reduce((n, gram) => n + (constant.has(gram) ? 1 : 0), 0);
  }

  /** The median share of a system prompt that is constant; of the leading instruction where there is none. */
  #cohesion(group: readonly number[], constant: ReadonlySet<number>): number {
    const shares = sampleOf(group, 200).map((i) => {
      const { system } = this.#prompts[i]!;
      if (system.length === 0) return this.#isMarked(i, constant) ? 1 : 0;
      return this.#inSystem(i, constant) / system.length;
    });
    return shares.sort((a, b) => a - b)[shares.length >> 1] ?? 0;
  }

  #constantOf(group: readonly number[], shared: ReadonlySet<number>): ReadonlySet<number> {
    const counts = new Map<number, number>();
    const sample = sampleOf(group, 400);
    for (const i of sample) for (const gram of this.#grams(i)) if (!shared.has(gram)) counts.set(gram, (counts.get(gram) ?? 0) + 1);
    const constant = new Set<number>();
    for (const [gram, n] of counts) if (n >= sample.length * CONSTANT_SHARE) constant.add(gram);
    return constant;
  }

  #share(i: number, constant: ReadonlySet<number>): number {
    let held = 0;
    for (const gram of this.#grams(i)) if (constant.has(gram)) held += 1;
    return held / constant.size;
  }

  /** Every gram of a prompt, each once. */
  #grams(i: number): readonly number[] {
    return allGrams(this.#prompts[i]!);
  }

  #indexOf(members: readonly number[], shared: ReadonlySet<number>, least: number): GramIndex {
    const holders = new Map<number, number[]>();
    for (const i of members) {
      for (const gram of this.#grams(i)) {
        if (shared.has(gram)) continue;
        const list = holders.get(gram);
        if (list === undefined) holders.set(gram, [i]);
        else list.push(i);
      }
    }
    return new GramIndex(holders, least);
  }
}

const gramLists = new WeakMap<PromptGrams, readonly number[]>();

/** Every gram of a prompt, each once: of its system prompt, of the user's message and of its leading instruction. */
export function allGrams(prompt: PromptGrams): readonly number[] {
  const known = gramLists.get(prompt);
  if (known !== undefined) return known;
  const grams = new Set<number>(prompt.system);
  for (const gram of prompt.user) grams.add(gram);
  if (prompt.lead !== null) grams.add(prompt.lead);
  if (prompt.whole !== null) grams.add(prompt.whole);
  for (const key of prompt.keys) grams.add(key);
  const list = [...grams];
  gramLists.set(prompt, list);
  return list;
}

/** Which prompts hold which gram, with counts of those that are still open. */
class GramIndex {
  readonly #holders: Map<number, number[]>;
  readonly #counts = new Map<number, number>();
  readonly #least: number;

  constructor(holders: Map<number, number[]>, least: number) {
    this.#holders = holders;
    this.#least = least;
    for (const [gram, list] of holders) if (list.length >= least) this.#counts.set(gram, list.length);
  }

  /** The gram that most open prompts hold; null when no gram is held by enough. */
  next(): number | null {
    let best: number | null = null;
    let most = this.#least - 1;
    for (const [gram, n] of this.#counts) if (n > most) [best, most] = [gram, n];
    return best;
  }

  holders(gram: number): readonly number[] {
    return this.#holders.get(gram) ?? [];
  }

  drop(gram: number): void {
    this.#counts.delete(gram);
  }

  /** One prompt with these grams is open no longer. */
  remove(grams: readonly number[]): void {
    for (const gram of grams) {
      const n = this.#counts.get(gram);
      if (n === undefined) continue;
      if (n - 1 < this.#least) this.#counts.delete(gram);
      else this.#counts.set(gram, n - 1);
    }
  }
}

/** At most so many of a list, evenly spread. */
function sampleOf(list: readonly number[], most: number): readonly number[] {
  if (list.length <= most) return list;
  const step = list.length / most;
  return Array.from({ length: most }, (_, i) => list[Math.floor(i * step)]!);
}
