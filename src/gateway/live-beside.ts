import { askedAs, type CaptureConfig, type TaskConfig } from '../config/index.ts';
import { type Call, formatUsd, type ModelRequest, type NanoUsd } from '../core/index.ts';
import type { CovariateObservation } from '../monitor/index.ts';
import type { StoredPair, TaskEvent } from '../store/types.ts';
import { type Ask, type AskDeps, askBeside, worstOfAsking } from './live-ask.ts';
import type { Background } from './live-background.ts';
import type { TextJudge } from './live-judge.ts';
import { agreement, pairOf, type Qualities } from './live-pair.ts';
import type { LiveRequest } from './live-request.ts';
import type { SpentBefore } from './live-restore.ts';
import { dayStart, SpendCap, type SpendRefusal } from './live-spend.ts';
import type { EventTeller } from './live-tell.ts';
import type { Side, Watched } from './live-types.ts';

/** Two answers that are to become a pair, and how they were drawn. */
export interface PairDraft {
  readonly subject: LiveRequest;
  readonly task: TaskConfig;
  readonly request: ModelRequest;
  /** Null where a triage left the small model out. */
  readonly small: Side | null;
  readonly big: Side;
  readonly signal: AbortSignal;
  readonly drawn: 'uniform' | 'audit';
  readonly inclusion: number;
  /** The small model's name. */
  readonly candidate: string;
  readonly certificate: string | null;
  readonly confidence: number | null;
  readonly skip: boolean;
}

/** What shadows and audits are made with. */
export interface BesideDeps {
  readonly background: Pick<Background, 'offer'>;
  /** Asks a model under its task's cap; null where there was no money or no answer. */
  ask(ask: Ask): Promise<Side | null>;
  /** Keeps a pair; null where nothing could say how good its answers are. */
  pair(draft: PairDraft): Promise<StoredPair | null>;
  isHard(task: TaskConfig, request: ModelRequest): boolean;
  /** A request was routed, audited or not. */
  observed(watched: Watched, request: CovariateObservation): void;
  audited(watched: Watched, pair: StoredPair): void;
}

/** What calls beside the answers need of the rest. */
export interface BesideWorld {
  readonly tasks: ReadonlyMap<string, TaskConfig>;
  readonly ask: AskDeps;
  readonly capture: CaptureConfig;
  readonly record: (pair: StoredPair) => void;
  readonly teller: EventTeller;
  readonly judge: TextJudge;
}

type Paid = Ask['purpose'];

/** Calls beside the answers and the pairs that come of them, within what may be spent on them. */
export class Beside implements Pick<BesideDeps, 'ask' | 'pair'> {
  readonly #world: BesideWorld;
  readonly #caps: Readonly<Record<Paid, ReadonlyMap<string, SpendCap>>>;
  /** Limits whose end was told, so that each is told once. */
  readonly #told = new Set<string>();
  readonly #pairs = new Map<string, number>();

  constructor(world: BesideWorld) {
    this.#world = world;
    const tasks = [...world.tasks.values()];
    this.#caps = {
      shadow: new Map(tasks.map(({ name, shadow }) => [name, new SpendCap(shadow ?? { perDay: null, total: null })])),
      audit: new Map(tasks.map(({ name, audit }) => [name, new SpendCap({ perDay: audit.perDay, total: null })])),
    };
  }

  /** Takes over what earlier processes spent, and which limits they told the end of. */
  restore(spent: SpentBefore, events: readonly TaskEvent[]): void {
    const now = this.#world.ask.clock.now();
    const nothing = { today: 0, total: 0 };
    for (const purpose of ['shadow', 'audit'] as const) {
      for (const [task, cap] of this.#caps[purpose]) {
        const { today, total } = spent[purpose].get(task) ?? nothing;
        cap.restore({ today: today as never, total: total as never }, now);
      }
    }
    for (const { task, kind, at, detail } of events) {
      const { purpose, limit } = (detail ?? {}) as { readonly purpose?: unknown; readonly limit?: unknown };
      if (kind === 'shadow-budget') this.#told.add(toldKey(task, String(purpose), String(limit), dayStart(at)));
    }
  }

  /** What was spent for a purpose, without what is held. */
  spent(purpose: Paid, task: string) {
    const now = this.#world.ask.clock.now();
    return (this.#caps[purpose].get(task) ?? new SpendCap({ perDay: null, total: null })).spent(now);
  }

  /** Pairs that were kept since the start. */
  pairs(drawn: PairDraft['drawn'], task: string): number {
    return this.#pairs.get(`${drawn} ${task}`) ?? 0;
  }

  async ask(ask: Ask): Promise<Side | null> {
    const { ask: deps } = this.#world;
    const task = ask.subject.task?.name ?? '';
    const cap = this.#caps[ask.purpose].get(task);
    if (cap === undefined) return null;
    const held = cap.reserve(worstOfAsking(ask.subject, deps.model(ask.model), deps.prices), deps.clock.now());
    if (typeof held === 'string') {
      this.#refused(held, cap, ask);
      return null;
    }
    let cost = held.amount;
    try {
      const { row, side } = await askBeside(ask, deps);
      if (row !== null) cost = row.cost ?? held.amount;
      return side;
    } finally {
      cap.settle(held, cost, deps.clock.now());
    }
  }

  async pair(draft: PairDraft): Promise<StoredPair | null> {
    const { subject, task, request, small, big, signal } = draft;
    const { capture, record, ask } = this.#world;
    const isText = task.output.kind === 'text';
    const qualities = isText ? await this.#judged(draft) : agreement(task, small?.answer ?? null, big.answer);
    if (qualities === null || signal.aborted) return null;
    const { drawn, inclusion, candidate, certificate, confidence, skip } = draft;
    const setting = {
      id: subject.id,
      requestId: subject.requestId,
      at: ask.clock.now(),
      task,
      small: candidate,
      big: big.row.model,
      drawn,
      inclusion,
      certificate,
      confidence,
      skip,
      fingerprint: subject.fingerprint,
      askedAs: (row: Call): string => {
        // What a client names itself stands in its row as it was on the wire.
        const { provider, model } = row;
        return askedAs({ provider, model: task.ladder.includes(model) ? ask.model(model).model : model });
      },
      request,
      capture,
    };
    const pair = pairOf(setting, small, big, qualities);
    record(pair);
    const key = `${drawn} ${task.name}`;
    this.#pairs.set(key, (this.#pairs.get(key) ?? 0) + 1);
    return pair;
  }

  /** Grades the two texts under the cap of what drew them; null without a judge, without money, and where it gave no verdict. */
  async #judged({ subject, task, request, small, big, signal, drawn, candidate }: PairDraft): Promise<Qualities | null> {
    const { judge, ask } = this.#world;
    const purpose = drawn === 'uniform' ? 'shadow' : 'audit';
    const cap = this.#caps[purpose].get(task.name);
    if (task.judge === null || cap === undefined) return null;
    const graded = { subject, task, request, small: small?.answer ?? null, big: big.answer, signal };
    const held = cap.reserve(judge.worst(graded), ask.clock.now());
    if (typeof held === 'string') {
      this.#refused(held, cap, { subject, request, model: task.judge.model ?? candidate, purpose, signal });
      return null;
    }
    let spent: NanoUsd | null = held.amount;
    try {
      const { qualities, cost } = await judge.grade(graded);
      spent = cost;
      return qualities;
    } finally {
      cap.settle(held, spent, ask.clock.now());
    }
  }

  #refused(limit: SpendRefusal, cap: SpendCap, { subject, purpose, model }: Ask): void {
    const task = subject.task?.name ?? '';
    // What was spent before cannot be read yet; that is told elsewhere.
    if (limit === 'unknown') return;
    const now = this.#world.ask.clock.now();
    const key = toldKey(task, purpose, limit, dayStart(now));
    if (this.#told.has(key)) return;
    this.#told.add(key);
    const { today, total } = cap.spent(now);
    const what = purpose === 'shadow' ? 'Shadow calls' : 'Audits';
    const reason = {
      day: `${what} have spent their ${formatUsd(cap.limits.perDay ?? today)} of today (UTC); they go on tomorrow.`,
      total: `${what} have spent their ${formatUsd(cap.limits.total ?? total)} in all; raise the limit to go on.`,
      unpriced: `${what} have a limit, but the model ${model} has no known price: declare one. Until then it is not asked.`,
    }[limit];
    this.#world.teller.happened({
      task,
      kind: 'shadow-budget',
      certificate: null,
      reason,
      detail: { purpose, limit, model, todayUsd: today / 1e9, totalUsd: total / 1e9 },
    });
  }
}

function toldKey(task: string, purpose: string, limit: string, day: number): string {
  return `${task} ${purpose} ${limit} ${limit === 'day' ? day : ''}`;
}
