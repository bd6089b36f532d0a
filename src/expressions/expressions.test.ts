import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Condition, type ConditionScope, parseCondition, parseListExpression, parseTemplate, type Template } from './index.ts';

const scope: ConditionScope = {
  request: { customerFacing: false, priority: 2 },
  input: { text: 'where is <my> parcel?' },
  steps: { draft: { output: { items: [{ name: 'a' }, { name: 'b' }] }, confidence: 0.6, threshold: 0.8, label: 'shipping' } },
};

function condition(source: string): Condition {
  const parsed = parseCondition(source, ['draft', 'check']);
  if ('message' in parsed) throw new Error(parsed.message);
  return parsed;
}

function template(source: string): Template {
  const parsed = parseTemplate(source);
  if ('message' in parsed) throw new Error(parsed.message);
  return parsed;
}

describe('conditions', () => {
  it('decide over the request and the outcomes of steps', () => {
    expect(condition('request.customerFacing || draft.confidence < draft.threshold').evaluate(scope)).toBe(true);
    expect(condition('draft.label == "billing"').evaluate(scope)).toBe(false);
    expect(condition('request.priority > 1 && draft.output.items.size() == 2').evaluate(scope)).toBe(true);
    expect(condition('draft.output.items.exists(i, i.name == "b")').evaluate(scope)).toBe(true);
    expect(condition('input.text.contains("parcel")').evaluate(scope)).toBe(true);
  });

  it('take a missing confidence for 0 and a missing threshold for 1', () => {
    const unsure = condition('draft.confidence < draft.threshold');
    for (const facts of [{}, { confidence: null, threshold: null }, { confidence: 0.99 }, { threshold: 0.01 }]) {
      expect(unsure.evaluate({ ...scope, steps: { draft: facts } })).toBe(true);
    }
    expect(unsure.evaluate({ ...scope, steps: {} })).toBe(true);
    expect(
      condition('check.confidence == 0.0 && check.threshold == 1.0 && check.output == null && check.label == null').evaluate(scope),
    ).toBe(true);
  });

  it('say in one line what is not there, and are never silently false', () => {
    expect(() => condition('request.customerfacing').evaluate(scope)).toThrow('No such key: customerfacing');
    expect(() => condition('draft.output.price > 3').evaluate(scope)).toThrow('No such key: price');
    expect(() => condition('request.priority').evaluate(scope)).toThrow('the condition gave a number instead of true or false');
  });

  it.each([
    ['draft.labell == "x"', 'a step has no "labell"; it has output, confidence, threshold, label', 6],
    ['later.confidence > 0.5', 'Unknown variable: later', 0],
    ['draft.confidence == "high"', 'no such overload: double == string', 0],
    ['draft.confidence', 'a condition must be true or false, and this one gives a double', 0],
    ['request.x &&', 'Unexpected token: EOF', 12],
  ])('refuse %s when they are read', (source, message, at) => {
    expect(parseCondition(source, ['draft'])).toEqual({ message, at });
  });

  it('know what they read, and what they are when they read nothing', () => {
    expect(condition('draft.label == "a" && request.x.y > 1 && draft.output.items.all(i, i.ok)').references).toEqual([
      ['draft', 'label'],
      ['request', 'x', 'y'],
      ['draft', 'output', 'items'],
    ]);
    expect(condition('1 > 2').constant).toBe(false);
    expect(condition('request.x').constant).toBe(null);
  });

  it('end in true, false or an error of one line for whatever a model wrote', () => {
    const parsed = condition('draft.output == "yes" || draft.output.items[0].ok == true');
    fc.assert(
      fc.property(fc.jsonValue(), (output) => {
        try {
          expect(typeof parsed.evaluate({ ...scope, steps: { draft: { output: output as never } } })).toBe('boolean');
        } catch (error) {
          expect((error as Error).message).toMatch(/^[^\n]+$/);
        }
      }),
    );
  });
});

describe('lists to fan out over', () => {
  it('are lists, or an error', () => {
    const parsed = parseListExpression('draft.output.items', ['draft']);
    if ('message' in parsed) throw new Error(parsed.message);
    expect(parsed.evaluate(scope)).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(() => parsed.evaluate({ ...scope, steps: { draft: { output: { items: 'no' } } } })).toThrow('instead of a list');
    expect(parseListExpression('draft.confidence', ['draft'])).toMatchObject({ message: expect.stringContaining('fans out over a list') });
  });
});

describe('templates', () => {
  it('put values into a text as they are', () => {
    expect(template('{{ input.text }} is {{ draft.label | upcase }}: {{ draft.output.items[1].name }}').render(scope)).toBe(
      'where is <my> parcel? is SHIPPING: b',
    );
    expect(template('{% for i in draft.output.items %}{{ i.name }};{% endfor %}').render(scope)).toBe('a;b;');
    expect(template('{{ item }}/{{ index }}').render({ ...scope, item: 'one', index: 0 })).toBe('one/0');
  });

  it('write a whole value as JSON and a missing one as nothing', () => {
    expect(template('{{ draft.output }}|{{ check.output }}|{{ request.nothing.at.all }}').render(scope)).toBe(
      '{"items":[{"name":"a"},{"name":"b"}]}||',
    );
  });

  it('reach own properties only, and no files', () => {
    expect(template('{{ draft.constructor }}{{ draft.__proto__ }}{{ input.text.constructor }}').render(scope)).toBe('');
    expect(parseTemplate('{% render "/etc/passwd" %}')).toMatchObject({ message: expect.stringContaining('render') });
    expect(parseTemplate('{% include "x" %}')).toMatchObject({ message: expect.stringContaining('include') });
  });

  it('know what they read', () => {
    expect(template('{{ draft.output.items[0] }}{% assign x = request.a %}{{ x }}').references).toEqual([
      ['draft', 'output', 'items', 0],
      ['request', 'a'],
    ]);
  });

  it('say where they are wrong', () => {
    expect(parseTemplate('ab\n{{ x | nofilter }}')).toEqual({ message: 'undefined filter: nofilter', at: 3 });
    expect(parseTemplate('{{ x')).toMatchObject({ message: expect.stringContaining('not closed') });
  });

  it('never grow past all bounds', () => {
    const bomb = '{% for a in (1..9999999) %}{% for b in (1..9999999) %}x{% endfor %}{% endfor %}';
    expect(() => template(bomb).render(scope)).toThrow();
  });

  it('give back any text of an input', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(template('{{ input.text }}').render({ ...scope, input: { text } })).toBe(text);
      }),
    );
  });
});
