import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/support/step-world.ts';
import {
  type Answer,
  type Call,
  collect,
  type Model,
  type ModelEvent,
  type NanoUsd,
  type Output,
  SmallfirstError,
  type StopReason,
  type TokenLogprob,
  textMessage,
  usage,
} from '../core/index.ts';
import { ANY_MODEL, type Licence } from '../policy/index.ts';
import type { CallContext } from '../providers/types.ts';
import { runStep, streamStep } from './run-step.ts';
import type { AnswerListener, Choice, Step, StepDeps, StepRequest, StepRung } from './types.ts';

/** One piece of an answer: its text is one token. `wait` holds the model until that promise ends. */
interface Piece {
  readonly text: string;
  readonly logprob?: number;
  readonly wait?: Promise<void>;
}

interface Script {
  readonly pieces: readonly Piece[];
  readonly stop?: StopReason;
  readonly refusal?: string;
  readonly error?: SmallfirstError;
  readonly noUsage?: boolean;
  readonly recorded?: number;
}

const TEXT: Output = { kind: 'text' };
const LABEL: Output = { kind: 'label', labels: ['refund', 'billing'] };

function model(name: string): Model {
  return {
    name,
    provider: 'scripted',
    model: name,
    tier: name === 'frontier' ? 'frontier' : 'small',
    boundary: 'any',
    capabilities: new Set(),
    contextWindow: null,
  };
}

const certified = (threshold: number | null): Licence => ({ kind: 'certified', threshold });

function stepOf(output: Output, small: Omit<StepRung, 'model'>): Step {
  return {
    task: 't',
    step: null,
    pipeline: null,
    output,
    ladder: [
      { model: model('small'), ...small },
      { model: model('frontier'), licence: certified(null) },
    ],
  };
}

const request = (changes: Partial<StepRequest> = {}): StepRequest => ({
  requestId: 'r',
  itemId: null,
  input: null,
  request: { messages: [textMessage('user', 'hi')], maxTokens: 100 },
  need: ANY_MODEL,
  startAt: 0,
  polish: null,
  budget: null,
  deadlineAt: null,
  signal: null,
  streamed: true,
  origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: {} },
  ...changes,
});

const words = (text: string, logprob = -0.01): Piece[] => (text.match(/\s*\S+/g) ?? []).map((word) => ({ text: word, logprob }));

interface Stage {
  readonly deps: StepDeps;
  readonly rows: Call[];
  readonly told: string[];
  readonly events: ModelEvent[];
  readonly listener: AnswerListener;
  readonly choices: Choice[];
}

/** The confidence of the world is exp(mean log-probability); bounds are by the least one. */
function stage(scripts: Readonly<Record<string, Script>>, options: { live?: boolean; bound?: boolean } = {}): Stage {
  const clock = new ManualClock();
  const rows: Call[] = [];
  const told: string[] = [];
  const events: ModelEvent[] = [];
  const choices: Choice[] = [];
  let ids = 0;
  const meanOf = (tokens: readonly TokenLogprob[]) => Math.exp(Math.min(0, ...tokens.map(({ logprob }) => logprob)));
  const deps: StepDeps = {
    clock,
    after: clock.after,
    newId: () => `call-${++ids}`,
    client: ({ name }) => ({ call: (_request, context) => play(name, scripts[name] as Script, told, context) }),
    available: () => true,
    estimate: () => ({ cost: 10 as NanoUsd, ms: null }),
    price: () => ({ cost: 10 as NanoUsd, priceId: 'p' }),
    countUsage: (_model, _request, answer) => usage({ output: answer.text.length }),
    validate: (text, output) =>
      output.kind === 'label' ? { valid: output.labels.includes(text), value: text, why: null } : { valid: true, value: text, why: null },
    confidence: (_model, answer: Answer) => (answer.logprobs?.length ? meanOf(answer.logprobs) : null),
    record: (row) => {
      rows.push(row);
      told.push(`row ${row.model} ${row.outcome}`);
    },
    ...(options.bound
      ? {
          confidenceBound: () => {
            let least = 0;
            return {
              add: (_text: string, tokens: readonly TokenLogprob[] | null) => {
                for (const { logprob } of tokens ?? []) least = Math.min(least, logprob);
              },
              value: () => Math.exp(least),
            };
          },
        }
      : {}),
  };
  const listener: AnswerListener = {
    live: options.live ?? true,
    chosen: (choice) => {
      choices.push(choice);
      told.push(`chosen ${choice.model.name} ${choice.decision} ${choice.certified}`);
    },
    event: (event) => {
      events.push(event);
      told.push(event.type === 'text' ? `text ${event.text}` : event.type);
    },
  };
  return { deps, rows, told, events, listener, choices };
}

async function* play(name: string, script: Script, told: string[], context: CallContext): AsyncGenerator<ModelEvent> {
  let isWhole = false;
  try {
    if (script.error && script.pieces.length === 0) throw script.error;
    yield { type: 'start', servedModel: `${name}-1`, fingerprint: null, upstreamId: null, inputTokens: null };
    for (const { text, logprob, wait } of script.pieces) {
      if (wait) await Promise.race([wait, new Promise((resolve) => context.signal?.addEventListener('abort', resolve))]);
      yield { type: 'text', text, ...(logprob === undefined ? {} : { logprobs: [{ token: text, logprob, top: [] }] }) };
    }
    if (script.refusal) yield { type: 'refusal', text: script.refusal };
    if (script.error) throw script.error;
    isWhole = true;
    yield { type: 'end', stop: script.stop ?? 'done', usage: script.noUsage ? null : usage({ output: 5 }), usageSource: 'reported' };
  } finally {
    if (!isWhole) told.push(`${name} broken off`);
  }
}

const textOf = (events: readonly ModelEvent[]) => events.map((event) => (event.type === 'text' ? event.text : '')).join('');

describe('streamStep', () => {
  const big: Script = { pieces: words('the frontier answers in full') };

  it("lets the ceiling's answer out from its first word, and ends it after its row is on record", async () => {
    const { deps, listener, told } = stage({ frontier: { pieces: words('one two') } });
    const step = stepOf(TEXT, { licence: { kind: 'uncertified', why: 'no-certificate' } });
    await streamStep(step, request(), deps, listener);
    expect(told).toEqual(['chosen frontier ceiling true', 'start', 'text one', 'text  two', 'row frontier accepted', 'end']);
  });

  it('holds a label until it is judged, and then gives it whole', async () => {
    const { deps, listener, told } = stage({ small: { pieces: [{ text: 'refund', logprob: -0.01 }] }, frontier: big });
    await streamStep(stepOf(LABEL, { licence: certified(0.9) }), request(), deps, listener);
    expect(told).toEqual(['row small accepted', 'chosen small certified true', 'start', 'text refund', 'end']);
  });

  it.each<[string, Script, string]>([
    ['unsure', { pieces: [{ text: 'refund', logprob: -2 }] }, 'escalated'],
    ['invalid', { pieces: [{ text: 'neither', logprob: 0 }] }, 'invalid'],
    ['truncated', { pieces: [{ text: 'refund', logprob: 0 }], stop: 'length' }, 'truncated'],
    ['refused', { pieces: [], refusal: 'no' }, 'refused'],
    ['cut', { pieces: [{ text: 'refund', logprob: 0 }], stop: 'cut' }, 'escalated'],
    ['broken', { pieces: [], error: new SmallfirstError('UPSTREAM_FAILED', 'down') }, 'escalated'],
  ])('tells nothing of a small answer that is %s, and escalates', async (_what, small, outcome) => {
    const { deps, listener, told, events } = stage({ small, frontier: big });
    const result = await streamStep(stepOf(LABEL, { licence: certified(0.9) }), request(), deps, listener);
    expect(textOf(events)).toBe('the frontier answers in full');
    expect(told.filter((line) => line.startsWith('row'))).toEqual([`row small ${outcome}`, 'row frontier accepted']);
    expect(result.model).toBe('frontier');
  });

  it('lets a text out when the tokens of its gate are in and sure', async () => {
    const small: Script = { pieces: [...words('a b c'), { text: ' d', logprob: -9 }] };
    const { deps, listener, told, choices } = stage({ small, frontier: big });
    const result = await streamStep(stepOf(TEXT, { licence: certified(0.9), gate: { tokens: 2 } }), request(), deps, listener);
    expect(told).toEqual(['chosen small certified true', 'start', 'text a', 'text  b', 'text  c', 'text  d', 'row small accepted', 'end']);
    expect(choices[0]?.confidence).toBeCloseTo(Math.exp(-0.01), 12);
    expect(result.confidence).toBe(choices[0]?.confidence);
  });

  it('gives up a text whose gate is not met, without waiting for the rest, and books what it used', async () => {
    const never = new Promise<void>(() => {});
    const small: Script = { pieces: [...words('a b', -3), { text: 'never', wait: never }] };
    const { deps, listener, told, rows, events } = stage({ small, frontier: big });
    await streamStep(stepOf(TEXT, { licence: certified(0.9), gate: { tokens: 2 } }), request(), deps, listener);
    expect(told[0]).toBe('small broken off');
    expect(textOf(events)).toBe('the frontier answers in full');
    expect(rows.map((row) => [row.model, row.outcome, row.decision, row.usageSource, row.usage.output])).toEqual([
      ['small', 'escalated', 'low-confidence', 'counted', 3],
      ['frontier', 'accepted', 'ceiling', 'reported', 5],
    ]);
    expect(rows[0]?.confidence).toBeCloseTo(Math.exp(-3), 12);
  });

  it('weighs a gate the same way when the answer is not streamed', async () => {
    const small: Script = { pieces: [...words('a b'), { text: ' c', logprob: -9 }] };
    const gated = stepOf(TEXT, { licence: certified(0.9), gate: { tokens: 2 } });
    const plain = await runStep(gated, request(), stage({ small, frontier: big }).deps);
    expect([plain.model, plain.confidence]).toEqual(['small', Math.exp(-0.01)]);
    const ungated = await runStep(stepOf(TEXT, { licence: certified(0.9) }), request(), stage({ small, frontier: big }).deps);
    expect(ungated.model).toBe('frontier');
  });

  it('breaks a text off as soon as its confidence cannot reach the threshold any more', async () => {
    const never = new Promise<void>(() => {});
    const small: Script = { pieces: [...words('sure'), { text: ' unsure', logprob: -5 }, { text: 'never', wait: never }] };
    const { deps, listener, told, events } = stage({ small, frontier: big }, { bound: true });
    await streamStep(stepOf(TEXT, { licence: certified(0.9) }), request(), deps, listener);
    expect(told[0]).toBe('small broken off');
    expect(textOf(events)).toBe('the frontier answers in full');
  });

  it('lets a swapped text out once there is some of it, and holds a refusal', async () => {
    const swap = stepOf(TEXT, { licence: certified(null) });
    const long = stage({ small: { pieces: words('this is surely more than twenty four letters') }, frontier: big });
    await streamStep(swap, request(), long.deps, long.listener);
    expect(long.told.indexOf('chosen small certified true')).toBe(0);
    const refused = stage({ small: { pieces: words('sorry'), refusal: 'no' }, frontier: big });
    await streamStep(swap, request(), refused.deps, refused.listener);
    expect(textOf(refused.events)).toBe('the frontier answers in full');
  });

  it.each([true, false])('accepts no answer of a version that its licence is not about, and asks the ceiling (live: %s)', async (live) => {
    const swap = stepOf(TEXT, { licence: certified(null) });
    const never = new Promise<void>(() => {});
    const small: Script = {
      pieces: [...words('this is surely more than twenty four letters'), ...(live ? [{ text: 'never', wait: never }] : [])],
    };
    const { deps, listener, events, rows } = stage({ small, frontier: big }, { live });
    const result = await streamStep(swap, request(), { ...deps, covers: (model, served) => served !== `${model.name}-1` }, listener);
    expect([result.model, result.certified, textOf(events)]).toEqual(['frontier', true, 'the frontier answers in full']);
    expect(rows.map((row) => `${row.model} ${row.outcome} ${row.decision} ${row.servedModel}`)).toEqual([
      'small escalated low-confidence small-1',
      'frontier accepted ceiling frontier-1',
    ]);
    // The same version, covered, answers.
    const other = stage({ small: { pieces: words('this is surely more than twenty four letters') }, frontier: big }, { live });
    const covered = await streamStep(swap, request(), { ...other.deps, covers: (_model, served) => served === 'small-1' }, other.listener);
    expect(covered.model).toBe('small');
  });

  it('hands over an answer of another version as uncertified where the ceiling fails', async () => {
    const frontier: Script = { pieces: [], error: new SmallfirstError('UPSTREAM_FAILED', 'down') };
    const { deps } = stage({ small: { pieces: words('an answer') }, frontier });
    const result = await runStep(stepOf(TEXT, { licence: certified(null) }), request(), { ...deps, covers: () => false });
    expect([result.model, result.certified, result.decision]).toEqual(['small', false, 'last-feasible']);
  });

  it('throws when an answer breaks off after its beginning went out, and books it as failed', async () => {
    const frontier: Script = { pieces: words('half an'), error: new SmallfirstError('UPSTREAM_FAILED', 'reset') };
    const { deps, listener, told } = stage({ small: { pieces: [{ text: 'neither' }] }, frontier });
    await expect(streamStep(stepOf(LABEL, { licence: certified(0.9) }), request(), deps, listener)).rejects.toThrow('reset');
    expect(told.slice(-4)).toEqual(['text  an', 'frontier broken off', 'row small invalid', 'row frontier failed']);
  });

  it('hands over a ceiling that is truncated as truncated, though a complete draft was left', async () => {
    const { deps, listener, events, rows } = stage({
      small: { pieces: [{ text: 'refund', logprob: -3 }] },
      frontier: { pieces: words('too long'), stop: 'length' },
    });
    const result = await streamStep(stepOf(LABEL, { licence: certified(0.9) }), request(), deps, listener);
    expect([result.model, result.decision, textOf(events)]).toEqual(['frontier', 'incomplete', 'too long']);
    expect(rows.map(({ outcome }) => outcome)).toEqual(['escalated', 'accepted']);
  });

  it('answers with the draft when the ceiling fails before its first word', async () => {
    const { deps, listener, events } = stage({
      small: { pieces: [{ text: 'refund', logprob: -3 }] },
      frontier: { pieces: [], error: new SmallfirstError('UPSTREAM_FAILED', 'down') },
    });
    const result = await streamStep(stepOf(LABEL, { licence: certified(0.9) }), request(), deps, listener);
    expect([result.decision, result.certified, textOf(events)]).toEqual(['last-feasible', false, 'refund']);
  });

  it('ends when the caller goes away while it deliberates, and closes the call', async () => {
    const controller = new AbortController();
    const small: Script = { pieces: [{ text: 'refund', wait: new Promise(() => {}) }] };
    const { deps, listener, told } = stage({ small, frontier: big });
    const running = streamStep(stepOf(LABEL, { licence: certified(0.9) }), request({ signal: controller.signal }), deps, listener);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toContain('row small aborted');
    expect(told).toContain('small broken off');
  });

  it('says how many tokens an answer had when the provider did not', async () => {
    const { deps, listener, events } = stage({ frontier: { pieces: words('one two'), noUsage: true } });
    await streamStep(stepOf(TEXT, { licence: { kind: 'uncertified', why: 'no-certificate' } }), request(), deps, listener);
    expect(events.at(-1)).toMatchObject({ type: 'end', usage: usage({ output: 7 }), usageSource: 'counted' });
  });

  it('waits for a slow listener before it takes the next event', async () => {
    const { deps, told } = stage({ frontier: { pieces: words('one two three') } });
    let waiting = 0;
    const listener: AnswerListener = {
      live: true,
      chosen: () => {},
      event: async () => {
        waiting += 1;
        expect(waiting).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        waiting -= 1;
      },
    };
    await streamStep(stepOf(TEXT, { licence: { kind: 'uncertified', why: 'no-certificate' } }), request(), deps, listener);
    expect(told).toEqual(['row frontier accepted']);
  });

  it('never tells parts of two answers, whatever the models do', async () => {
    const piece = (name: string) =>
      fc.record({ text: fc.constantFrom(`<${name}>`, ` <${name}> and more than a few letters`), logprob: fc.constantFrom(-0.01, -1, -4) });
    const script = (name: string): fc.Arbitrary<Script> =>
      fc.record(
        {
          pieces: fc.array(piece(name), { maxLength: 5 }),
          stop: fc.constantFrom<StopReason>('done', 'length', 'cut', 'refusal'),
          refusal: fc.constantFrom('no'),
          error: fc.constant(new SmallfirstError('UPSTREAM_FAILED', 'down')),
        },
        { requiredKeys: ['pieces'] },
      );
    await fc.assert(
      fc.asyncProperty(
        fc.record({ small: script('small'), frontier: script('frontier') }),
        fc.constantFrom(TEXT, LABEL),
        fc.constantFrom<StepRung['licence']>(certified(0.9), certified(null), { kind: 'fixed', threshold: 0.5 }),
        fc.option(fc.record({ tokens: fc.integer({ min: 1, max: 4 }) }), { nil: undefined }),
        fc.record({ live: fc.boolean(), bound: fc.boolean() }),
        async (scripts, output, licence, gate, options) => {
          const { deps, listener, events, rows, choices } = stage(scripts, options);
          const step = stepOf(output, { licence, ...(gate ? { gate } : {}) });
          const result = await streamStep(step, request(), deps, listener).catch(() => null);
          const heard = new Set([...textOf(events).matchAll(/<(\w+)>/g)].map(([, name]) => name));
          expect(heard.size).toBeLessThanOrEqual(1);
          expect(events.filter(({ type }) => type === 'start').length).toBeLessThanOrEqual(1);
          expect(choices.length).toBeLessThanOrEqual(1);
          for (const name of heard) expect(name).toBe(choices[0]?.model.name);
          const closed = rows.filter(({ outcome }) => outcome === 'accepted' || outcome === 'failed');
          expect(closed.length).toBe(1);
          if (result === null) return;
          expect(choices[0]?.model.name).toBe(result.model);
          expect((await collect(events)).text).toBe(result.answer.text);
          expect(events.filter(({ type }) => type === 'end').length).toBe(1);
        },
      ),
      { numRuns: 500 },
    );
  });
});
