import { setMaxListeners } from 'node:events';
import { type Answer, collect, type ModelRequest, type NanoUsd, SmallfirstError, ZERO_USD } from '../../core/index.ts';
import type { ModelClient } from '../../providers/index.ts';

/** A prompt of a log with the most that asking it can cost, in nano-dollars: its answer may be no longer than that pays for. */
export interface PricedPrompt<Of> {
  readonly of: Of;
  readonly request: ModelRequest;
  readonly worst: NanoUsd;
}

/** What asking needs. */
export interface AskingDeps<Of> {
  readonly client: ModelClient;
  readonly signal: AbortSignal;
  /** Prompts under way together. */
  readonly atOnce: number;
  /** What an answer cost; null when that is not known. */
  readonly costOf: (answer: Answer) => NanoUsd | null;
  /** Hears each answer with its cost, and null for a call that failed. */
  readonly ended: (of: Of, answer: { readonly answer: Answer; readonly cost: NanoUsd } | null) => void;
}

/** Why not all prompts were asked, and how many were not; `brokenOff` were under way when that was. */
export interface AskingEnd {
  readonly stopped: 'aborted' | 'max-cost' | null;
  readonly left: number;
  readonly brokenOff: number;
}

/**
 * Asks prompts in their order, several at a time, and never for more than the cap: each holds the most that it can cost until it is known
 * what it did cost. An answer of unknown cost is taken to have cost all that was held. An aborted signal ends what is under way.
 */
export async function askWithin<Of>(prompts: readonly PricedPrompt<Of>[], cap: NanoUsd, deps: AskingDeps<Of>): Promise<AskingEnd> {
  return new Asking(prompts, cap, deps).toEnd();
}

class Asking<Of> {
  readonly #prompts: readonly PricedPrompt<Of>[];
  readonly #deps: AskingDeps<Of>;
  #left: NanoUsd;
  #next = 0;
  #underWay = 0;
  #brokenOff = 0;
  #stopped: AskingEnd['stopped'] = null;
  #failure: Error | null = null;
  #waiting: (() => void)[] = [];

  constructor(prompts: readonly PricedPrompt<Of>[], cap: NanoUsd, deps: AskingDeps<Of>) {
    this.#prompts = prompts;
    this.#left = cap;
    this.#deps = deps;
  }

  async toEnd(): Promise<AskingEnd> {
    const { atOnce, signal } = this.#deps;
    // Every call that is under way listens.
    setMaxListeners(0, signal);
    await Promise.all(Array.from({ length: atOnce }, () => this.#work()));
    if (this.#failure !== null) throw this.#failure;
    return { stopped: this.#stopped, left: this.#prompts.length - this.#next, brokenOff: this.#brokenOff };
  }

  async #work(): Promise<void> {
    for (let prompt = await this.#take(); prompt !== null; prompt = await this.#take()) {
      const cost = await this.#ask(prompt);
      this.#left = (this.#left + prompt.worst - cost) as NanoUsd;
      this.#underWay -= 1;
      for (const go of this.#waiting.splice(0)) go();
    }
  }

  /** The next prompt, with its money held; null when there is none to ask. Waits for money that calls under way may give back. */
  async #take(): Promise<PricedPrompt<Of> | null> {
    for (;;) {
      const prompt = this.#prompts[this.#next];
      if (prompt === undefined || this.#failure !== null) return null;
      if (this.#deps.signal.aborted) this.#stopped ??= 'aborted';
      else if (prompt.worst > this.#left && this.#underWay === 0) this.#stopped ??= 'max-cost';
      if (this.#stopped !== null) return null;
      if (prompt.worst <= this.#left) {
        this.#next += 1;
        this.#underWay += 1;
        this.#left = (this.#left - prompt.worst) as NanoUsd;
        return prompt;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** What asking it cost. */
  async #ask({ of, request, worst }: PricedPrompt<Of>): Promise<NanoUsd> {
    const { client, signal, costOf, ended } = this.#deps;
    try {
      const answer = await collect(client.call(request, { itemId: null, input: null, signal, deadlineAt: null }));
      const cost = costOf(answer) ?? worst;
      ended(of, { answer, cost });
      return cost;
    } catch (error) {
      if (signal.aborted) {
        this.#stopped ??= 'aborted';
        this.#brokenOff += 1;
      } else if (error instanceof SmallfirstError) ended(of, null);
      else this.#failure ??= error instanceof Error ? error : new TypeError('a call failed', { cause: error });
      return ZERO_USD;
    }
  }
}
