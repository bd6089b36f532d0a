import { describe, expect, it } from 'vitest';
import type { Json } from '../core/index.ts';
import { answerText } from './student-output.ts';

const json = (schema: Json) => ({ kind: 'json', schema }) as const;
const object = (properties: { readonly [name: string]: Json }, more: { readonly [key: string]: Json } = {}) =>
  json({ type: 'object', properties, ...more });

const classifier = { text: 'urgent', label: 'urgent', confidence: 1 };
const multilabel = { text: '["a","b"]', labels: ['a', 'b'], confidence: 1 };
const scorer = { text: '2.6', value: 2.6, confidence: 1 };
const extractor = {
  text: '{"total":"$1,204.50","items":["tea"],"paid":"yes"}',
  fields: { total: '$1,204.50', items: ['tea'], paid: 'yes' },
  confidence: 1,
};

describe('what a student answers', () => {
  it.each([
    ['a label', classifier, { kind: 'label', labels: ['urgent', 'calm'] }, 'urgent'],
    ['a label to nobody in particular', classifier, null, 'urgent'],
    ['a label as text', classifier, { kind: 'text' }, 'urgent'],
    ['a label in its one place', classifier, object({ priority: { enum: ['urgent', 'calm'] } }), '{"priority":"urgent"}'],
    ['a label as a JSON string', classifier, json({ type: 'string' }), '"urgent"'],
    ['labels as a list', multilabel, json({ type: 'array', items: { type: 'string' } }), '["a","b"]'],
    ['labels in the one list', multilabel, object({ topics: { type: 'array' } }), '{"topics":["a","b"]}'],
    ['labels as flags', multilabel, object({ a: { type: 'boolean' }, c: { type: 'boolean' } }), '{"a":true,"c":false}'],
    ['a number', scorer, json({ type: 'number' }), '2.6'],
    ['a whole number', scorer, json({ type: 'integer' }), '3'],
    ['a number in its one place', scorer, object({ score: { type: 'integer' }, why: { type: 'string' } }), '{"score":3}'],
    [
      'fields by the types of their properties',
      extractor,
      object(
        {
          total: { type: 'number' },
          items: { type: 'array', items: { type: 'string' } },
          paid: { type: 'boolean' },
          due: { type: ['string', 'null'] },
          notes: { type: 'array' },
        },
        { required: ['total', 'due', 'notes'] },
      ),
      '{"total":1204.5,"items":["tea"],"paid":true,"due":null,"notes":[]}',
    ],
    [
      'only the fields that the schema knows, where it forbids more',
      extractor,
      object({ paid: { type: 'string' } }, { additionalProperties: false }),
      '{"paid":"yes"}',
    ],
    ['fields as they are, where the schema says nothing', extractor, json({}), '{"total":"$1,204.50","items":["tea"],"paid":"yes"}'],
  ] as const)('is %s', (_, answer, output, text) => {
    expect(answerText(answer, output)).toBe(text);
  });
});
