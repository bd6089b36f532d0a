import { labelMembers } from '../../metrics/index.ts';
import type { Feedback } from '../../store/index.ts';
import type { LabelItem, LabelSample, ShownAnswer } from './label-queue.ts';

/** A row of feedback before it has an id and a time. */
export type LabelRowMembers = Pick<Feedback, 'requestId' | 'key' | 'label' | 'score' | 'comment'>;

/** What a key press asks to be done. */
export interface Pressed {
  readonly write: readonly LabelRowMembers[];
  readonly quit: boolean;
}

export interface SessionOptions {
  readonly kind: 'label' | 'json' | 'text';
  /** The labels that an answer may be, for a label task. */
  readonly labels: readonly string[];
  readonly by: string;
  readonly sample: LabelSample;
}

interface Step {
  readonly item: number;
  readonly answer: number;
  readonly written: readonly { readonly requestId: string; readonly answer: string | null }[];
}

const NOTHING: Pressed = { write: [], quit: false };

/** Scores of a text answer by key: 1 is bad, 5 is right. */
export const GRADES = 5;

/** One person's way through a queue: keys in, rows out. Holds no terminal and no store. */
export class LabelSession {
  readonly items: readonly LabelItem[];
  readonly options: SessionOptions;
  readonly #steps: Step[] = [];
  #item = 0;
  #answer = 0;
  #typed = '';
  #showsRubric = false;
  skipped = 0;

  constructor(items: readonly LabelItem[], options: SessionOptions) {
    this.items = items;
    this.options = options;
  }

  get current(): LabelItem | null {
    return this.items[this.#item] ?? null;
  }

  /** Number of the current request, from 0, and of its answer that is asked about. */
  get at(): { readonly item: number; readonly answer: number } {
    return { item: this.#item, answer: this.#answer };
  }

  /** Digits typed so far, where there are more labels than keys. */
  get typed(): string {
    return this.#typed;
  }

  get showsRubric(): boolean {
    return this.#showsRubric;
  }

  /** Labels that were given and stand. */
  get labelled(): number {
    return this.#steps.filter(({ written }) => written.length > 0).length;
  }

  press(key: string): Pressed {
    if (key === 'q' || key === '\u0003' || key === '\u0004') return { write: [], quit: true };
    if (key === '?') {
      this.#showsRubric = !this.#showsRubric;
      return NOTHING;
    }
    if (key === 'u') return this.#undo();
    const item = this.current;
    if (item === null) return NOTHING;
    if (key === 's') return this.skip();
    if (this.options.kind === 'label') return this.#pressLabel(item, key);
    const answer = item.answers[this.#answer];
    const score = answer === undefined ? null : this.#scoreOf(key);
    return answer === undefined || score === null ? NOTHING : this.score(score);
  }

  /** Gives the current answer a score. */
  score(score: number): Pressed {
    const item = this.current;
    const answer = item?.answers[this.#answer];
    if (item === null || answer === undefined) return NOTHING;
    const right = this.options.kind === 'json' && score === 1 ? answer.text : null;
    return this.#write(item, answer.models, (model) => this.#row(item, { answer: model, score, label: right }));
  }

  /** Says what the right answer of the current request is. */
  name(label: string): Pressed {
    const item = this.current;
    return item === null ? NOTHING : this.#write(item, [null], () => this.#row(item, { answer: null, score: null, label }));
  }

  /** Passes the current request by; it does not come again. */
  skip(): Pressed {
    const item = this.current;
    if (item === null) return NOTHING;
    this.skipped += 1;
    this.#steps.push({ ...this.at, written: [] });
    this.#item += 1;
    this.#answer = 0;
    return { write: [this.#row(item, { answer: null, score: null, label: null, state: 'skipped' })], quit: false };
  }

  #scoreOf(key: string): number | null {
    if (this.options.kind === 'json') return key === 'y' ? 1 : key === 'n' ? 0 : null;
    const grade = Number(key);
    return key.trim() !== '' && Number.isInteger(grade) && grade >= 1 && grade <= GRADES ? (grade - 1) / (GRADES - 1) : null;
  }

  #pressLabel(item: LabelItem, key: string): Pressed {
    const { labels } = this.options;
    const shown = key === 'a' ? 0 : key === 'b' ? 1 : -1;
    if (shown >= 0) return this.#nameAnswer(item.answers[shown]);
    if (key === '\u007f' || key === '\b') this.#typed = this.#typed.slice(0, -1);
    if (/^\d$/.test(key)) this.#typed = (this.#typed + key).slice(0, String(labels.length).length);
    // With nine labels or fewer a digit is enough; with more, Enter ends the number.
    if (!/^[\d\r\n]$/.test(key) || (labels.length > 9 && !/^[\r\n]$/.test(key))) return NOTHING;
    const label = labels[Number(this.#typed) - 1];
    this.#typed = '';
    return label === undefined ? NOTHING : this.name(label);
  }

  #nameAnswer(answer: ShownAnswer | undefined): Pressed {
    const said = answer?.text.trim().toLowerCase();
    const label = this.options.labels.find((one) => one.toLowerCase() === said);
    return label === undefined ? NOTHING : this.name(label);
  }

  #write(item: LabelItem, answers: readonly (string | null)[], rowOf: (answer: string) => LabelRowMembers): Pressed {
    const written = answers.map((answer) => ({ requestId: item.requestId, answer }));
    this.#steps.push({ ...this.at, written });
    this.#answer += 1;
    this.#typed = '';
    if (this.options.kind === 'label' || this.#answer >= item.answers.length) {
      this.#item += 1;
      this.#answer = 0;
    }
    return { write: answers.map((answer) => rowOf(answer ?? '')), quit: false };
  }

  #undo(): Pressed {
    const last = this.#steps.pop();
    if (last === undefined) return NOTHING;
    const item = this.items[last.item];
    if (item === undefined) return NOTHING;
    this.#item = last.item;
    this.#answer = last.answer;
    this.#typed = '';
    if (last.written.length === 0) this.skipped -= 1;
    const taken = last.written.length === 0 ? [{ answer: null }] : last.written;
    return { write: taken.map(({ answer }) => this.#row(item, { answer, score: null, label: null, state: 'withdrawn' })), quit: false };
  }

  #row(
    { requestId }: LabelItem,
    parts: {
      readonly answer: string | null;
      readonly score: number | null;
      readonly label: string | null;
      readonly state?: 'skipped' | 'withdrawn';
    },
  ): LabelRowMembers {
    const { by, sample } = this.options;
    return labelMembers({ requestId, by, sample, ...parts });
  }
}
