import { describe, expect, it } from 'vitest';
import { labelGrammar } from './gbnf.ts';
import { jsonGrammar } from './json-grammar.ts';

/** The rule that the answer begins with; the rules that all JSON grammars share are left out. */
function rootOf(grammar: string): string {
  return grammar.slice('root ::= " "? '.length, grammar.indexOf('\n'));
}

describe('labelGrammar', () => {
  it('allows each label once, word for word, whatever is written in it', () => {
    expect(labelGrammar(['refund', 'say "no"', 'refund', 'zwei\nZeilen', 'Zürich'])).toBe(
      'root ::= " "? ("refund" | "say \\"no\\"" | "zwei\\nZeilen" | "Zürich")\n',
    );
  });
});

describe('jsonGrammar', () => {
  it('writes required members always, optional ones where they stand, and no others', () => {
    const grammar = jsonGrammar({
      type: 'object',
      properties: { note: { type: 'string' }, amount: { type: 'number' }, paid: { type: 'boolean' } },
      required: ['amount'],
    });
    expect(rootOf(grammar)).toBe(
      '("{" space ("\\"note\\"" space ":" space string space "," space)? "\\"amount\\"" space ":" space number (space "," space "\\"paid\\"" space ":" space boolean)? space "}")',
    );
  });

  it('lets any member come first where none is required', () => {
    expect(rootOf(jsonGrammar({ properties: { a: { const: 1 }, b: { type: 'null' } } }))).toBe(
      '("{" space (("\\"a\\"" space ":" space ("1") (space "," space "\\"b\\"" space ":" space null)?) | ("\\"b\\"" space ":" space null))? space "}")',
    );
  });

  it.each([
    ['an enum of several types', { enum: ['x', 2, null] }, '(("\\"x\\"") | ("2") | ("null"))'],
    ['a list of types', { type: ['string', 'null'] }, '(string | null)'],
    ['alternatives', { anyOf: [{ type: 'integer' }, { type: 'string' }] }, '(integer | string)'],
    ['a bounded text', { type: 'string', maxLength: 3 }, '("\\"" char{0,3} "\\"")'],
    [
      'a bounded list',
      { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 3 },
      '("[" space integer (space "," space integer){0,2} space "]")',
    ],
    ['a list of at most one', { type: 'array', items: { type: 'null' }, maxItems: 1 }, '("[" space (null )? space "]")'],
    [
      'a pair',
      { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] },
      '("[" space string space "," space number space "]")',
    ],
    [
      'a map',
      { type: 'object', additionalProperties: { type: 'integer' } },
      '("{" space (string space ":" space integer (space "," space string space ":" space integer)*)? space "}")',
    ],
    ['an empty object', { type: 'object', additionalProperties: false }, '("{" space "}")'],
    ['no schema', {}, 'value'],
    ['a schema that a tokenizer cannot hold', { type: 'string', pattern: '^a' }, 'string'],
  ])('holds %s', (_name, schema, expected) => {
    expect(rootOf(jsonGrammar(schema))).toBe(expected);
  });

  it('names what refers to itself, and takes what it cannot find for anything', () => {
    const grammar = jsonGrammar({
      $ref: '#/$defs/tree',
      $defs: {
        tree: { type: 'object', properties: { kids: { type: 'array', items: { $ref: '#/$defs/tree' } }, odd: { $ref: '#/none' } } },
      },
    });
    expect(rootOf(grammar)).toBe('ref-0');
    expect(grammar.split('\n').at(-2)).toBe(
      'ref-0 ::= "{" space (("\\"kids\\"" space ":" space ("[" space (ref-0 (space "," space ref-0)*)? space "]") (space "," space "\\"odd\\"" space ":" space value)?) | ("\\"odd\\"" space ":" space value))? space "}"',
    );
  });

  it('joins the members of several schemas into one object', () => {
    expect(
      rootOf(jsonGrammar({ allOf: [{ properties: { a: { type: 'null' } } }, { properties: { b: { type: 'null' } }, required: ['b'] }] })),
    ).toBe('("{" space ("\\"a\\"" space ":" space null space "," space)? "\\"b\\"" space ":" space null space "}")');
  });
});
