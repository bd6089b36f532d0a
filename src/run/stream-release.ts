import type { ModelEvent, TokenLogprob } from '../core/index.ts';
import type { Action, AnswerReason } from '../policy/index.ts';
import type { CallWatcher, Heard } from './call-model.ts';
import { prefixOf, wellFormed } from './prefix.ts';
import type { Turn } from './turn.ts';
import type { AnswerListener, ConfidenceBound, Step, StepDeps } from './types.ts';

/** What the policy would say, were the answer under way to end complete with this confidence. */
export type Foresight = (confidence: number | null) => Action;

/** A text below this many visible characters may still turn out to be none. */
const LEAST_TEXT = 24;

/**
 * Lets an answer out while it is being written, as soon as it cannot be replaced any more, and breaks it off as soon as it must be.
 *
 * The ceiling's answer goes out from its first word. A text whose every valid answer is accepted goes out once there is some text. A text
 * with a gate goes out, or is given up, when the gate's tokens are in. Any other answer is held to its end, and given up when the
 * running bound of its confidence falls below what the policy asks for. What went out is never followed by another answer.
 */
export class Release implements CallWatcher {
  readonly #turn: Turn;
  readonly #step: Step;
  readonly #deps: StepDeps;
  readonly #listener: AnswerListener;
  readonly #foresee: Foresight;
  readonly #bound: ConfidenceBound | null;
  #held: ModelEvent[] = [];
  #text = '';
  #tokens: TokenLogprob[] | null = [];
  #gateIsOver: boolean;
  /** The client has the beginning of this answer. */
  begun = false;
  /** Confidence by which it was let out or broken off; null where that took none. */
  confidence: number | null = null;

  constructor(turn: Turn, step: Step, world: { readonly deps: StepDeps; readonly listener: AnswerListener; readonly foresee: Foresight }) {
    this.#turn = turn;
    this.#step = step;
    this.#deps = world.deps;
    this.#listener = world.listener;
    this.#foresee = world.foresee;
    this.#gateIsOver = turn.gate === null;
    this.#bound = this.#gateIsOver ? (world.deps.confidenceBound?.(turn.model, turn.request) ?? null) : null;
  }

  hear(event: ModelEvent): Heard | Promise<Heard> {
    if (event.type === 'end') return 'go';
    if (this.begun) return this.#pass(event);
    this.#held.push(event);
    if (event.type === 'start') return this.#isCovered(event.servedModel) ? 'go' : 'stop';
    if (event.type === 'text') this.#read(event.text, event.logprobs ?? null);
    return this.#mayBegin(event) ? this.#openNow(event) : this.#weigh();
  }

  /** An answer of a version that nobody certified is not waited for. */
  #isCovered(servedModel: string | null): boolean {
    const { isCeiling, model } = this.#turn;
    return isCeiling || servedModel === null || this.#deps.covers?.(model, servedModel) !== false;
  }

  /** Whether enough is there to let out an answer that needs no confidence. */
  #mayBegin(event: ModelEvent): boolean {
    if (this.#turn.isCeiling) return isVisible(event);
    return this.#step.output.kind === 'text' && (event.type === 'tool-call' || this.#text.trim().length >= LEAST_TEXT);
  }

  #openNow(event: ModelEvent): Heard | Promise<Heard> {
    const action = this.#foresee(null);
    if (action.do === 'answer') return this.#letOut(action.why, action.certified);
    return event.type === 'text' ? this.#weigh() : 'go';
  }

  #read(text: string, tokens: readonly TokenLogprob[] | null): void {
    this.#text += text;
    if (tokens === null) this.#tokens = null;
    else this.#tokens?.push(...tokens);
    this.#bound?.add(text, tokens);
  }

  #weigh(): Heard | Promise<Heard> {
    if (this.#gateIsOver) return this.#weighBound();
    const { gate, model } = this.#turn;
    if (gate === null || this.#tokens === null || this.#tokens.length < gate.tokens) return 'go';
    this.#gateIsOver = true;
    const prefix = prefixOf(this.#text, this.#tokens, gate.tokens);
    const confidence = this.#deps.confidence(model, prefix, wellFormed(prefix.text));
    if (confidence === null) return 'go';
    this.confidence = confidence;
    const action = this.#foresee(confidence);
    return action.do === 'answer' ? this.#letOut(action.why, action.certified) : 'stop';
  }

  #weighBound(): Heard {
    const bound = this.#bound?.value() ?? null;
    if (bound === null || this.#foresee(bound).do === 'answer') return 'go';
    this.confidence = bound;
    return 'stop';
  }

  async #letOut(decision: AnswerReason, certified: boolean): Promise<Heard> {
    this.begun = true;
    const held = this.#held;
    this.#held = [];
    const { model } = this.#turn;
    this.#listener.chosen({ model, decision, confidence: this.confidence, certified });
    for (const event of held) await this.#listener.event(event);
    return 'go';
  }

  #pass(event: ModelEvent): Heard | Promise<Heard> {
    const waiting = this.#listener.event(event);
    return waiting === undefined ? 'go' : waiting.then(() => 'go');
  }
}

function isVisible(event: ModelEvent): boolean {
  switch (event.type) {
    case 'text':
    case 'thinking':
    case 'refusal':
      return event.text !== '';
    case 'tool-call':
    case 'annotation':
    case 'opaque':
      return true;
    case 'start':
    case 'end':
      return false;
  }
}
