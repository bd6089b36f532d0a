import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, Output } from '../core/index.ts';
import { defaultMetric, type MetricSpec, metricNames, parseMetric, validateOutput } from './index.ts';
import { editDistance } from './similarity.ts';

const TEXT: Output = { kind: 'text' };
const LABEL: Output = { kind: 'label', labels: ['billing', 'credit card', 'other'] };
const JSON_OUTPUT: Output = { kind: 'json', schema: { type: 'object', required: ['total'], properties: { total: { type: 'number' } } } };

const score = (spec: MetricSpec, answer: string, expected: Json = null, output: Output = TEXT) =>
  parseMetric(spec).score({ answer, expected, output }).score;
const why = (spec: MetricSpec, answer: string, expected: Json = null, output: Output = TEXT) =>
  parseMetric(spec).score({ answer, expected, output }).why;

describe('every metric', () => {
  it('scores from 0 to 1 whatever the texts, says why, and gives only 0 or 1 when its row says so', () => {
    const outputs = fc.constantFrom(TEXT, LABEL, JSON_OUTPUT);
    const texts = fc.oneof(fc.string(), fc.json(), fc.constantFrom('billing', '12', '-3.5e2 %', '```json\n{"total":1}\n```'));
    fc.assert(
      fc.property(texts, fc.oneof(texts, fc.integer(), fc.jsonValue() as fc.Arbitrary<Json>), outputs, (answer, expected, output) => {
        if (expected === null) return;
        for (const name of metricNames.filter((metric) => metric !== 'regex')) {
          const metric = parseMetric(name);
          const { score: got, why: reason } = metric.score({ answer, expected, output });
          expect(got >= 0 && got <= 1).toBe(true);
          expect(reason).not.toBe('');
          if (metric.binary) expect([0, 1]).toContain(got);
          expect(parseMetric(`not-${name}`).score({ answer, expected, output }).score).toBeCloseTo(1 - got, 12);
        }
      }),
    );
  });

  it('that compares gives 1 to the expected answer itself', () => {
    const comparing = ['exact', 'contains', 'icontains', 'starts-with', 'levenshtein', 'rouge-1', 'rouge-2', 'rouge-l'] as const;
    fc.assert(
      fc.property(
        fc.string().filter((text) => text === text.trim()),
        (text) => {
          for (const name of comparing) expect(score(name, text, text)).toBe(1);
        },
      ),
    );
  });
});

describe('exact', () => {
  it.each([
    ['Billing.', 'billing', LABEL, 1],
    ['credit_card', 'credit card', LABEL, 1],
    ['other', 'billing', LABEL, 0],
    ['unknown', 'unknown', LABEL, 0],
    ['{"b":[1,2],"a":1.0}', { a: 1, b: [1, 2] }, JSON_OUTPUT, 1],
    ['{"b":[2,1],"a":1}', { a: 1, b: [1, 2] }, JSON_OUTPUT, 0],
    ['  "Paris" ', 'paris.', TEXT, 1],
    ['Paris, France', 'Paris', TEXT, 0],
    ['4', 4, TEXT, 1],
  ] as const)('%j against %j', (answer, expected, output, wanted) => {
    expect(score('exact', answer, expected as Json, output)).toBe(wanted);
  });

  it('says what is wrong', () => {
    expect(why('exact', 'refund please', 'billing', LABEL)).toBe('not one of the 3 labels: "refund please"');
    expect(why('exact', 'other', 'billing', LABEL)).toBe('other, expected "billing"');
    expect(why('exact', 'other', 'sales', LABEL)).toBe('the expected label "sales" is not declared');
  });
});

describe('text metrics', () => {
  it.each([
    ['label', 'Unknown!', 'unknown', 1],
    ['label', '', '', 0],
    ['valid', ' ', null, 0],
    ['contains:Sorry', 'sorry', null, 0],
    ['icontains:Sorry', 'I am sorry', null, 1],
    ['not-icontains:sorry', 'I am sorry', null, 0],
    ['contains-any:a|b', 'xbx', null, 1],
    ['contains-all:a|b|c|d', 'abc', null, 0.75],
    ['contains-all(0.7):a|b|c|d', 'abc', null, 1],
    ['contains', 'abc', 'b', 1],
    ['starts-with:Dear', '\nDear you', null, 1],
    ['regex:^\\d{3}$', '123', null, 1],
    ['regex:/^HELLO/i', 'hello you', null, 1],
    ['regex:/a/g', 'ba', null, 1],
    ['is-json', '[1]', null, 1],
    ['is-json', '[1', null, 0],
    ['numeric', 'So 3 + 4 makes $1,234.50.', 1234.5, 1],
    ['numeric', 'the answer is 5kg', '5', 1],
    ['numeric', '−2', -2, 1],
    ['numeric', 'A4 v1.2.3 1,23', 3, 0],
    ['numeric-diff', '3', 1, 0.5],
    ['numeric-diff', '0', 0, 1],
    ['levenshtein', 'kitten', 'sitting', 1 - 3 / 7],
    ['rouge-1', 'the cat sat', 'the cat sat down', 6 / 7],
    ['rouge-1', 'the the the', 'the cat', 2 / 5],
    ['rouge-2', 'the cat sat', 'a cat sat', 0.5],
    ['rouge-l', 'a c b', 'a b c', 2 / 3],
    ['rouge-l', 'Ünïcode!', 'ünïcode', 1],
  ])('%s of %j against %j is %d', (spec, answer, expected, wanted) => {
    expect(score(spec, answer, expected)).toBeCloseTo(wanted, 12);
  });

  it('count edits as a metric on strings', () => {
    const text = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });

  it('take a tolerance for numbers', () => {
    expect(score({ type: 'numeric', tolerance: 0.01 }, '100.5', 100)).toBe(1);
    expect(score({ type: 'numeric' }, '100.5', 100)).toBe(0);
  });
});

describe('json-fields', () => {
  const of = (answer: Json, expected: Json) =>
    parseMetric('json-fields').score({ answer: JSON.stringify(answer), expected, output: JSON_OUTPUT });

  it.each<[string, Json, Json, number, string]>([
    ['all equal', { a: 1, b: 'X ' }, { a: 1.0000001, b: 'x' }, 1, '2 of 2 fields'],
    ['one wrong', { a: 1, b: 'y' }, { a: 1, b: 'x' }, 1 / 2, '1 of 2 fields; wrong b'],
    ['one missing, one extra', { a: 1, c: 1 }, { a: 1, b: 'x' }, 1 / 3, '1 of 3 fields; missing b, extra c'],
    ['nested', { a: { b: [1, 2] } }, { a: { b: [1, 3] } }, 1 / 2, '1 of 2 fields; wrong a.b[1]'],
    [
      'an item missing from a list shifts nothing',
      [{ n: 2 }, { n: 3 }],
      [{ n: 1 }, { n: 2 }, { n: 3 }],
      2 / 3,
      '2 of 3 fields; missing [0]',
    ],
    ['numbers as text', { total: '$1,234.50' }, { total: 1234.5 }, 1, '1 of 1 fields'],
    ['text that only holds the number', { total: 'about 5' }, { total: 5 }, 0, '0 of 1 fields; wrong total'],
    ['null is absent', { a: 1, c: null }, { a: 1, b: null }, 1, '2 of 2 fields'],
    ['null where something was', { a: null }, { a: 1 }, 0, '0 of 1 fields; missing a'],
    ['true is not 1', { a: true }, { a: 1 }, 0, '0 of 1 fields; wrong a'],
    ['a leaf for a tree', { a: 1 }, { a: { b: 1, c: 2 } }, 0, '0 of 2 fields; wrong a'],
    ['nothing at all', {}, {}, 1, '1 of 1 fields'],
  ])('%s', (_, answer, expected, wanted, reason) => {
    const got = of(answer, expected);
    expect(got.score).toBeCloseTo(wanted, 12);
    expect(got.why).toBe(reason);
  });

  it('gives 1 to any value against itself and stays within 0 and 1 for any two', () => {
    const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(of(a, a).score).toBe(1);
        expect(of(a, b).score).toBeGreaterThanOrEqual(0);
        expect(of(a, b).score).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('loses exactly one share for each wrong leaf of a record', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.integer(), { minKeys: 1, maxKeys: 8 }), fc.nat(), (record, pick) => {
        const keys = Object.keys(record);
        const key = keys[pick % keys.length]!;
        expect(of({ ...record, [key]: 'wrong' }, record).score).toBeCloseTo((keys.length - 1) / keys.length, 12);
      }),
    );
  });

  it('gives 0 to what is not JSON, with the reason', () => {
    expect(why('json-fields', 'The total is 5', { total: 5 }, JSON_OUTPUT)).toMatch(/^not JSON/);
  });
});

describe('validateOutput', () => {
  it('gives the value that the caller may use, or the reason that there is none', () => {
    expect(validateOutput('"Credit-Card"', LABEL)).toEqual({ valid: true, value: 'credit card', why: null });
    expect(validateOutput('cash', LABEL)).toEqual({ valid: false, value: null, why: 'not one of the 3 labels: "cash"' });
    expect(validateOutput('```json\n{"total": 4}\n```', JSON_OUTPUT)).toEqual({ valid: true, value: { total: 4 }, why: null });
    expect(validateOutput('{}', JSON_OUTPUT)).toEqual({ valid: false, value: null, why: "answer must have required property 'total'" });
    expect(validateOutput('{"total":"4"}', JSON_OUTPUT)).toEqual({ valid: false, value: null, why: 'answer/total must be number' });
    expect(validateOutput('  ', TEXT)).toEqual({ valid: false, value: null, why: 'the answer is empty' });
    expect(validateOutput(' hi ', TEXT)).toEqual({ valid: true, value: ' hi ', why: null });
  });

  const check = (schema: Json, value: Json) => validateOutput(JSON.stringify(value), { kind: 'json', schema }).valid;

  it('follows the dialect that the schema declares', () => {
    const pair = [{ type: 'string' }, { type: 'number' }];
    const draft7 = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'array', items: pair };
    const latest = { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'array', prefixItems: pair };
    expect([draft7, latest].map((schema) => [check(schema, ['a', 1]), check(schema, [1, 'a'])])).toEqual([
      [true, false],
      [true, false],
    ]);
    expect(check({ $ref: '#/$defs/n', $defs: { n: { enum: [1, null] } } }, null)).toBe(true);
    expect(check({ $id: 'urn:test:a', const: 1 }, 1) && check({ $id: 'urn:test:a', const: 2 }, 2)).toBe(true);
    expect([check(true, 1), check(false, 1)]).toEqual([true, false]);
    expect(check({ type: 'string', format: 'email', 'x-note': 1 }, 'no email')).toBe(true);
  });

  it('refuses a schema that is none', () => {
    expect(() => check({ type: 'text' }, 1)).toThrow('Not a usable JSON Schema');
    expect(() => check({ $ref: 'https://example.com/other.json' }, 1)).toThrow('Not a usable JSON Schema');
    expect(() => check({ $schema: 'http://json-schema.org/draft-04/schema#' }, 1)).toThrow('too old');
    expect(() => check('string', 1)).toThrow('a JSON Schema is an object');
  });
});

describe('parseMetric', () => {
  it('names the metric as reports show it', () => {
    const specs: MetricSpec[] = [
      'exact',
      'rouge-l(0.75)',
      'not-contains:sorry',
      { type: 'contains-any', value: ['a', 'b'], threshold: 1 },
      { type: 'not-rouge-1(.5)' },
    ];
    expect(specs.map((spec) => parseMetric(spec).name)).toEqual([
      'exact',
      'rouge-l(0.75)',
      'not-contains:sorry',
      'contains-any(1):["a","b"]',
      'not-rouge-1(0.5)',
    ]);
  });

  it('is binary with a threshold, graded without', () => {
    expect([parseMetric('rouge-l').binary, parseMetric('rouge-l(0.5)').binary]).toEqual([false, true]);
    expect([score('rouge-l(0.5)', 'a b', 'a c'), score('rouge-l(0.6)', 'a b', 'a c')]).toEqual([1, 0]);
  });

  it.each<[MetricSpec, string]>([
    ['exct', 'There is no metric "exct". Did you mean exact?'],
    ['rouge_l', 'There is no metric "rouge_l". Did you mean rouge-l?'],
    ['not-json-field', 'There is no metric "not-json-field". Did you mean not-json-fields?'],
    ['equals', 'There is no metric "equals". Did you mean exact?'],
    ['perplexity', 'There is no metric "perplexity". Known are exact, label,'],
    ['constructor', 'There is no metric "constructor". Known are'],
    ['judge', 'A judge is a model call, not a metric by name'],
    ['rouge-l(2)', 'The threshold of rouge-l is a number between 0 and 1.'],
    ['regex:(', 'Not a regular expression'],
    ['', '"" is not a metric. Write name, name(threshold) or name:value.'],
    [{ type: 'exact', flavour: 1 }, 'Metric exact has no option "flavour"; options are value, threshold and tolerance.'],
    [{ type: 'numeric', tolerance: -1 }, 'The tolerance of numeric is a number of at least 0.'],
    [{ type: 'schema-valid', value: { type: 'text' } }, 'Not a usable JSON Schema'],
  ])('refuses %j', (spec, message) => {
    expect(() => parseMetric(spec)).toThrow(message);
  });

  it('asks for the expected answer when a row has none and the metric needs one', () => {
    expect(() => score('exact', 'a')).toThrow('Metric exact needs an expected answer, and the row has none.');
    expect(() => score('contains', 'a')).toThrow('Metric contains needs an expected answer, and the row has none.');
    expect(score('contains:a', 'a')).toBe(1);
    expect(score('exact', 'null', null, JSON_OUTPUT)).toBe(1);
  });
});

describe('defaultMetric', () => {
  it('follows the output kind, and text has none', () => {
    expect([defaultMetric(LABEL), defaultMetric(JSON_OUTPUT)]).toEqual(['exact', 'json-fields']);
    expect(() => defaultMetric(TEXT)).toThrow('A text task has no default metric.');
  });
});
