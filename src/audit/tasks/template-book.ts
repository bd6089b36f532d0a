import { allGrams, MEMBER_SHARE, type MinedTemplate } from './mine.ts';
import type { PromptGrams } from './prompt-grams.ts';

interface Entry {
  readonly shape: string;
  readonly constant: ReadonlySet<number>;
  /** Grams that no similar template holds: what tells it from its siblings. Empty where it has none. */
  own: ReadonlySet<number>;
  /** Part of what is constant stands in the user's message. */
  readonly usesUser: boolean;
}

/** A template shares this much with another before it counts as its sibling. */
const SIBLING_SHARE = 0.5;
/** Of what tells a template from its siblings a prompt must hold this much. */
const OWN_SHARE = 0.5;
const CACHED_SYSTEMS = 20_000;
/** The beginning and the end of a system prompt, which seldom hold what varies. */
const ENDS = 32;
/** Prompts in a row that have the same ends and the same template before ends alone are believed, and how often they are checked then. */
const TRUSTED_AFTER = 20;
const CHECKED_EVERY = 16;

/** What the ends of a system prompt have told so far. */
interface Ends {
  template: number;
  /** Prompts in a row that were of it. */
  agreed: number;
  asked: number;
}

/** Templates that are known, and the one that a prompt is of. */
export class TemplateBook {
  readonly #entries: Entry[] = [];
  readonly #holders = new Map<number, number[]>();
  readonly #bySystem = new Map<string, number>();
  readonly #byEnds = new Map<string, Ends>();
  #hits = new Int32Array(64);

  /** Templates so far. */
  get size(): number {
    return this.#entries.length;
  }

  /** Adds what was mined from a list of prompts; the first gets the number that `size` was. */
  add(mined: readonly MinedTemplate[], prompts: readonly PromptGrams[]): void {
    for (const { members, constant } of mined) {
      const first = prompts[members[0]!]!;
      const ofUser = new Set(first.user);
      const usesUser = [...constant].some((gram) => ofUser.has(gram) || gram === first.lead || first.keys.includes(gram));
      for (const gram of constant) {
        const list = this.#holders.get(gram);
        if (list === undefined) this.#holders.set(gram, [this.#entries.length]);
        else list.push(this.#entries.length);
      }
      this.#entries.push({ shape: first.shape, constant, own: constant, usesUser });
    }
    this.#bySystem.clear();
    this.#byEnds.clear();
    for (const [i, entry] of this.#entries.entries()) entry.own = this.#ownOf(i, entry);
  }

  /** What is constant in a template. */
  constantOf(template: number): ReadonlySet<number> {
    return this.#entries[template]!.constant;
  }

  /** Names of tools and form of the answer of a template. */
  shapeOf(template: number): string {
    return this.#entries[template]!.shape;
  }

  /** The template that a call of this system prompt is of whatever the user says; undefined where that is not known. */
  ofSystem(system: string, shape: string): number | undefined {
    return this.#bySystem.get(`${shape}\u0000${system}`);
  }

  /**
   * The template that all prompts lately had with the same ends (see `endsOf`); undefined where there is none, and for every sixteenth
   * call, so that a new wording is seen.
   */
  ofEnds(ends: string): number | undefined {
    const known = this.#byEnds.get(ends);
    if (known === undefined || known.agreed < TRUSTED_AFTER) return undefined;
    known.asked += 1;
    return known.asked % CHECKED_EVERY === 0 ? undefined : known.template;
  }

  /** Takes note of what a prompt with these ends was found to be: a template, or null. */
  learnEnds(ends: string, template: number | null): void {
    const known = this.#byEnds.get(ends);
    if (known !== undefined && known.template === template) known.agreed += 1;
    else if (known !== undefined || template === null) this.#byEnds.delete(ends);
    else {
      if (this.#byEnds.size >= CACHED_SYSTEMS) this.#byEnds.clear();
      this.#byEnds.set(ends, { template, agreed: 1, asked: 0 });
    }
  }

  /** The template that a system prompt alone tells; null where there is none, or where the user's message decides. */
  matchSystem(prompt: PromptGrams, system: string): number | null {
    const { best, asksUser } = this.#best(prompt, allGrams(prompt));
    if (best === null || asksUser) return null;
    if (this.#bySystem.size >= CACHED_SYSTEMS) this.#bySystem.clear();
    this.#bySystem.set(`${prompt.shape}\u0000${system}`, best);
    return best;
  }

  /** The most specific template that a prompt is of; null for none. */
  match(prompt: PromptGrams): number | null {
    return this.#best(prompt, allGrams(prompt)).best;
  }

  #best(prompt: PromptGrams, grams: ArrayLike<number>): { readonly best: number | null; readonly asksUser: boolean } {
    if (this.#hits.length < this.size) this.#hits = new Int32Array(this.size * 2);
    const hits = this.#hits.fill(0);
    const touched: number[] = [];
    for (let i = 0; i < grams.length; i += 1) {
      for (const entry of this.#holders.get(grams[i]!) ?? []) {
        if (hits[entry] === 0) touched.push(entry);
        hits[entry]! += 1;
      }
    }
    let best: number | null = null;
    let most = 0;
    let asksUser = false;
    for (const i of touched) {
      const entry = this.#entries[i]!;
      if (entry.shape !== prompt.shape) continue;
      asksUser ||= entry.usesUser;
      const n = hits[i]!;
      if (n < entry.constant.size * MEMBER_SHARE || n <= most || !holds(grams, entry.own)) continue;
      [best, most] = [i, n];
    }
    return { best, asksUser };
  }

  #ownOf(i: number, { constant, shape }: Entry): ReadonlySet<number> {
    const shared = new Map<number, number>();
    for (const gram of constant) {
      for (const other of this.#holders.get(gram) ?? []) if (other !== i) shared.set(other, (shared.get(other) ?? 0) + 1);
    }
    const siblings = [...shared].flatMap(([other, n]) =>
      n >= constant.size * SIBLING_SHARE && this.#entries[other]!.shape === shape ? [other] : [],
    );
    if (siblings.length === 0) return new Set();
    const own = [...constant].filter((gram) => !siblings.some((other) => this.#entries[other]!.constant.has(gram)));
    return new Set(own);
  }
}

function holds(grams: ArrayLike<number>, own: ReadonlySet<number>): boolean {
  if (own.size === 0) return true;
  let n = 0;
  for (let i = 0; i < grams.length; i += 1) if (own.has(grams[i]!)) n += 1;
  return n >= own.size * OWN_SHARE;
}

/** Beginning and end of a system prompt, and the beginning of the user's message where that counts as well. */
export function endsOf(shape: string, system: string, user: string | null): string {
  return `${shape}\u0000${system.slice(0, ENDS)}\u0000${system.slice(-ENDS)}${user === null ? '' : `\u0000${user.slice(0, ENDS)}`}`;
}
