import fc from 'fast-check';

const numbers = fc.constantFrom('12345678901234567890', '-0', '1e400', '0.1000000000000000055511151231257827', '1E+2', '7');
const names = fc.constantFrom('a', 'a', 'input', '__proto__', 'toJSON', '\\u0061', 'ключ', '\\"}', '\\\\');
const texts = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })).map((text) => JSON.stringify(text));
const spaces = fc.constantFrom('', ' ', '\n  ');
const { value } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, numbers, texts, fc.constantFrom('true', 'null', '[]', '{}'), tie('object')),
  object: fc
    .tuple(fc.array(fc.tuple(names, tie('value')), { maxLength: 4 }), spaces)
    .map(([members, space]) => `{${space}${members.map(([name, text]) => `"${name}":${space}${text}`).join(`${space},`)}${space}}`),
}));

/** Arguments of a tool as JSON texts: with large and precise numbers, equal keys, escapes and white space, which a parser does not keep. */
export const anyInput: fc.Arbitrary<string> = value.filter((text) => text.startsWith('{'));
