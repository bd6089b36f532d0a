import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelOf, storedPair } from '../../test/support/life-pairs.ts';
import { labelMembers, parseMetric } from '../metrics/index.ts';
import { clopperPearson } from '../statistics/index.ts';
import type { Feedback, StoredPair } from '../store/index.ts';
import { type EvidenceScope, gatherLifeEvidence } from './evidence.ts';
import { isKept, PART_SHARES, partOf, unitHash } from './evidence-draws.ts';

const scope: EvidenceScope = {
  scoring: { output: { kind: 'label', labels: ['yes', 'no'] }, metric: parseMetric('exact') },
  trainedUntil: null,
  since: null,
};

function many(n: number, changes: (i: number) => Partial<StoredPair> = () => ({})): StoredPair[] {
  return Array.from({ length: n }, (_, i) => storedPair({ id: `pair-${i}`, at: 1_000 + i, ...changes(i) }));
}

/** An id that falls into a part. */
function idIn(part: string, from = 0): string {
  for (let i = from; ; i += 1) if (partOf(`request id-${i}`) === part) return `id-${i}`;
}

describe('the split', () => {
  it('deals every pair to exactly one part, the same whatever else is there', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 60 }), fc.nat(), (ids, cut) => {
        const pairs = ids.map((id, i) => storedPair({ id, at: i }));
        const whole = gatherLifeEvidence(pairs, [], scope);
        const some = gatherLifeEvidence(pairs.slice(0, cut % (ids.length + 1)), [], scope);
        expect([...whole.fit, ...whole.certify, ...whole.report].map(({ id }) => id).sort()).toEqual([...ids].sort());
        for (const part of ['fit', 'certify', 'report'] as const) {
          const inWhole = new Set(whole[part].map(({ id }) => id));
          expect(some[part].every(({ id }) => inWhole.has(id))).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('holds its shares, and keeps a conversation in one part', () => {
    const { fit, certify, report } = gatherLifeEvidence(many(20_000), [], scope);
    for (const [part, rows] of Object.entries({ fit, certify, report })) {
      const { low, high } = clopperPearson(rows.length, 20_000, 0.9999);
      expect(low).toBeLessThan(PART_SHARES[part as keyof typeof PART_SHARES]);
      expect(high).toBeGreaterThan(PART_SHARES[part as keyof typeof PART_SHARES]);
    }
    const talks = gatherLifeEvidence(
      many(300, (i) => ({ cluster: `talk-${i % 30}` })),
      [],
      scope,
    );
    const parts = [talks.fit, talks.certify, talks.report].map((rows) => new Set(rows.map(({ cluster }) => cluster)));
    expect(parts.reduce((sum, clusters) => sum + clusters.size, 0)).toBe(30);
  });
});

describe('thinning', () => {
  it('makes audits of any strata a uniform share', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0.05, max: 0.3, noNaN: true }),
        fc.double({ min: 1, max: 3, noNaN: true }),
        (seed, least, factor) => {
          const strata = [least, Math.min(1, least * factor), 1];
          const n = 30_000;
          const kept = strata.map(() => 0);
          for (let i = 0; i < n; i += 1) {
            const stratum = i % 3;
            const inclusion = strata[stratum]!;
            const id = `${seed}-${i}`;
            if (unitHash('audit', id) < inclusion && isKept({ id, inclusion }, least)) kept[stratum]! += 1;
          }
          for (const count of kept) {
            const { low, high } = clopperPearson(count, n / 3, 0.99999);
            expect(low).toBeLessThan(least);
            expect(high).toBeGreaterThan(least);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  it('leaves an unbiased quality where confident answers were audited less', () => {
    // Half of the traffic is sure and always right; the other half is right in 4 of 5 and audited ten times as often.
    const traffic = many(60_000, (i) => {
      const isSure = i % 2 === 0;
      return { drawn: 'audit', certificate: 'c', inclusion: isSure ? 0.05 : 0.5, smallQuality: isSure || i % 10 !== 1 ? 1 : 0 };
    });
    const audited = traffic.filter(({ id, inclusion }) => unitHash('drawn', id) < inclusion);
    const { certify, leftOut } = gatherLifeEvidence(audited, [], scope);
    const wrong = certify.filter(({ smallQuality }) => smallQuality === 0).length;
    const { low, high } = clopperPearson(wrong, certify.length, 0.9999);
    expect(low).toBeLessThan(0.1);
    expect(high).toBeGreaterThan(0.1);
    const raw = audited.filter(({ smallQuality }) => smallQuality === 0).length / audited.length;
    expect(raw).toBeGreaterThan(0.15);
    expect(leftOut.thinned).toBeGreaterThan(0);
  });

  it('keeps a subset when a smaller share is kept', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (id, least, part) => {
          if (isKept({ id, inclusion: 1 }, least * part)) expect(isKept({ id, inclusion: 1 }, least)).toBe(true);
        },
      ),
    );
  });
});

describe('what counts', () => {
  it('certifies on uniform draws only; feedback, active labels and uploads are fitted on', () => {
    const drawn = ['uniform', 'feedback', 'active', 'upload'] as const;
    const pairs = many(800, (i) => ({ drawn: drawn[i % 4]! }));
    const { fit, certify, report } = gatherLifeEvidence(pairs, [], scope);
    expect(new Set([...certify, ...report].map((pair) => pair.drawn))).toEqual(new Set(['uniform']));
    expect(fit.filter((pair) => pair.drawn !== 'uniform')).toHaveLength(600);
    const declared = gatherLifeEvidence(pairs, [], { ...scope, uploads: 'uniform' });
    expect(new Set([...declared.certify, ...declared.report].map((pair) => pair.drawn))).toEqual(new Set(['uniform', 'upload']));
  });

  it('counts an input once, and never lets a complaint push a uniform draw out', () => {
    const id = idIn('certify');
    const pairs = [
      storedPair({ id: 'complaint', at: 1, drawn: 'feedback', input: 'where is my parcel' }),
      storedPair({ id, at: 2, input: 'where is my parcel' }),
      storedPair({ id: 'again', at: 3, input: 'where is my parcel' }),
      storedPair({ id: 'same request', requestId: id, at: 4, input: 'WHERE IS MY PARCEL' }),
    ];
    const { fit, certify, report, leftOut } = gatherLifeEvidence(pairs, [], scope);
    expect([...fit, ...certify, ...report].map((pair) => pair.id)).toEqual([id]);
    expect(leftOut.duplicate).toBe(3);
  });

  it('keeps what people chose out of a conversation that certifies', () => {
    let talk = 0;
    while (partOf(`cluster talk-${talk}`) !== 'certify') talk += 1;
    const cluster = `talk-${talk}`;
    const { fit, certify, leftOut } = gatherLifeEvidence(
      [storedPair({ id: 'a', cluster }), storedPair({ id: 'b', cluster, drawn: 'active' })],
      [],
      scope,
    );
    expect({ fit: fit.length, certify: certify.map(({ id }) => id), out: leftOut['conversation-elsewhere'] }).toEqual({
      fit: 0,
      certify: ['a'],
      out: 1,
    });
  });

  it('sets aside other prompts, other versions, training data and what came before an alarm, and counts each', () => {
    const pairs = many(200, (i) => ({
      at: i,
      prompt: i < 60 ? 'old' : 'new',
      servedSmall: i < 80 ? 'small-2025' : 'small-2026',
      servedBig: i % 2 === 0 ? 'big-1' : null,
    }));
    const evidence = gatherLifeEvidence(pairs, [], { ...scope, since: 19, trainedUntil: 39 });
    expect(evidence.leftOut).toMatchObject({ 'before-alarm': 20, 'before-training-ended': 20, 'other-prompt': 20, 'other-model': 20 });
    expect([...evidence.fit, ...evidence.certify, ...evidence.report]).toHaveLength(120);
    expect(evidence).toMatchObject({ prompt: 'new', servedSmall: 'small-2026', servedBig: 'big-1' });
  });

  it('lets one late straggler of an old prompt throw nothing out', () => {
    const pairs = [...many(150), storedPair({ id: 'late', at: 9_999, prompt: 'old' })];
    const { prompt, leftOut } = gatherLifeEvidence(pairs, [], scope);
    expect({ prompt, out: leftOut['other-prompt'] }).toEqual({ prompt: 'prompt-1', out: 1 });
  });
});

describe('a model whose answers never say a version', () => {
  it('has its pairs set aside when the config asks another one', () => {
    const pair = (servedSmall: string | null, i: number) => storedPair({ id: `pair-${i}`, at: i, servedSmall, servedBig: 'asked:x/big' });
    const old = Array.from({ length: 80 }, (_, i) => pair('asked:x/small-1', i));
    const pairs = [...old, pair('asked:x/small-2', 90), pair(null, 91)];
    const counted = (small: string, big = 'x/big') => {
      const { fit, certify, report, leftOut } = gatherLifeEvidence(pairs, [], { ...scope, pins: { small, big } });
      return [fit.length + certify.length + report.length, leftOut['other-model']];
    };
    expect(counted('x/small-1')).toEqual([81, 1]);
    // Though most pairs are still of the model that is gone.
    expect(counted('x/small-2')).toEqual([2, 80]);
    expect(counted('x/small-2 at example.test:8000')).toEqual([2, 80]);
    expect(counted('x/small-2', 'x/bigger')).toEqual([0, 82]);
  });
});

/** What a person said in a labelling queue. */
function queued(requestId: string, at: number, parts: Partial<Parameters<typeof labelMembers>[0]>): Feedback {
  const members = labelMembers({ requestId, by: 'ann', answer: null, score: null, label: null, sample: 'uniform', ...parts });
  return { id: `label-${at}`, at, ...members };
}

describe('labels', () => {
  const outputs = { smallOutput: 'Yes.', bigOutput: 'no' };

  it('rescore both answers by the metric, the newest usable one wins, and say who judged', () => {
    const id = idIn('fit');
    const pairs = [storedPair({ id, ...outputs, smallQuality: 0, bigQuality: 1 })];
    const said = [labelOf(id, 'no', 1), labelOf(id, 'yes', 2), labelOf(id, 'this was rubbish', 3)];
    const { fit, labels } = gatherLifeEvidence(pairs, said, scope);
    expect(fit).toEqual([{ ...pairs[0], smallQuality: 1, bigQuality: 0, by: 'label' }]);
    expect(labels).toEqual({ joined: 1, unusable: 0 });
  });

  it('change nothing where they are no answer, outputs were not kept, or the task answers in free text', () => {
    const id = idIn('fit');
    const rubbish = gatherLifeEvidence([storedPair({ id, ...outputs })], [labelOf(id, 'rubbish')], scope);
    const unkept = gatherLifeEvidence([storedPair({ id })], [labelOf(id, 'yes')], scope);
    const text = gatherLifeEvidence([storedPair({ id, ...outputs })], [labelOf(id, 'yes')], {
      ...scope,
      scoring: { output: { kind: 'text' }, metric: parseMetric('rouge-l') },
    });
    for (const evidence of [rubbish, unkept, text]) {
      expect({ by: evidence.fit[0]?.by, labels: evidence.labels }).toEqual({ by: 'agreement', labels: { joined: 0, unusable: 1 } });
    }
  });

  it('rescore what certifies or is shown only where chance chose what was labelled', () => {
    const rescored = (part: string, said: Feedback) => {
      const { fit, certify, report } = gatherLifeEvidence([storedPair({ id: idIn(part), ...outputs })], [said], scope);
      return [...fit, ...certify, ...report].map(({ by }) => by);
    };
    for (const part of ['fit', 'certify', 'report']) {
      const id = idIn(part);
      const chosen = part === 'fit' ? ['label'] : ['agreement'];
      expect(rescored(part, queued(id, 1, { label: 'yes', sample: 'uniform' }))).toEqual(['label']);
      expect(rescored(part, queued(id, 1, { label: 'yes', sample: 'disagreement' }))).toEqual(chosen);
      expect(rescored(part, queued(id, 1, { label: 'yes', sample: 'low-confidence' }))).toEqual(chosen);
      expect(rescored(part, labelOf(id, 'yes'))).toEqual(chosen);
    }
  });

  it('count no more once they are taken back, and then the one that still stands does', () => {
    const id = idIn('certify');
    const quality = (...said: Feedback[]) => {
      const [pair] = gatherLifeEvidence([storedPair({ id, ...outputs })], said, scope).certify;
      return [pair?.smallQuality, pair?.bigQuality, pair?.by];
    };
    const bob = queued(id, 1, { by: 'bob', label: 'no' });
    const ann = queued(id, 2, { label: 'yes' });
    const back = queued(id, 3, { label: null, state: 'withdrawn' });
    expect(quality(bob, ann)).toEqual([1, 0, 'label']);
    expect(quality(bob, ann, back)).toEqual([0, 1, 'label']);
    expect(quality(ann, back)).toEqual([1, 1, 'agreement']);
    expect(quality(queued(id, 4, { label: null, state: 'skipped' }))).toEqual([1, 1, 'agreement']);
  });

  it("of texts are people's scores, which are fitted on where both sides have one", () => {
    const text: EvidenceScope = { ...scope, scoring: { output: { kind: 'text' }, metric: null } };
    const quality = (part: 'fit' | 'certify', ...scores: readonly (readonly [string, string, number])[]) => {
      const id = idIn(part);
      const said = scores.map(([by, answer, score], i) => queued(id, i, { by, answer, score }));
      const pair = storedPair({ id, smallQuality: 0.9, bigQuality: 0.8, by: 'judge:frontier' });
      return gatherLifeEvidence([pair], said, text)[part].map(({ smallQuality, bigQuality, by }) => [smallQuality, bigQuality, by]);
    };
    const both = [
      ['ann', 'small', 0.5],
      ['bob', 'small', 0.25],
      ['ann', 'frontier', 1],
    ] as const;
    expect(quality('fit', ...both)).toEqual([[0.375, 1, 'label']]);
    expect(quality('fit', ['ann', 'small', 0.5])).toEqual([[0.9, 0.8, 'judge:frontier']]);
    expect(quality('certify', ...both)).toEqual([[0.9, 0.8, 'judge:frontier']]);
  });
});
