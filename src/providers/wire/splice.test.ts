import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonShapeError, lastMember, MAX_DEPTH, memberValue, scanMembers } from './json-members.ts';
import { askForUsage, joinEdits, setModel, splice } from './splice.ts';

/** JSON text as clients really write it: any white space, escaped names, integers that a double cannot hold, duplicate keys. */
const space = fc.stringMatching(/^[ \n\r\t]{0,3}$/);
const scalar = fc.oneof(
  fc.constantFrom('null', 'true', 'false', '0', '-1.5e+300', '123456789012345678901234567890', '1E5'),
  fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
);
const { value } = fc.letrec<{ value: string; member: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.tuple(fc.array(tie('value'), { maxLength: 3 }), space).map(([items, s]) => `[${s}${items.join(`${s},${s}`)}${s}]`),
    fc.tuple(fc.array(tie('member'), { maxLength: 3 }), space).map(([members, s]) => `{${s}${members.join(`,${s}`)}}`),
  ),
  member: fc.tuple(fc.string(), space, tie('value'), space).map(([key, s, v, t]) => `${JSON.stringify(key)}${s}:${t}${v}`),
}));
const name = fc.oneof(
  fc.constantFrom('"model"', '"mod\\u0065l"', '"stream_options"', '"messages"', '"__proto__"', '"top_k"', '"\\"quoted\\\\"'),
  fc.string().map((text) => JSON.stringify(text)),
);
const body = fc
  .array(fc.tuple(name, space, space, value, space), { maxLength: 8 })
  .map((members) => `{${members.map(([key, s, t, v, u]) => `${s}${key}${t}:${u}${v}${s}`).join(',')}}`);

describe('scanMembers', () => {
  it('finds the members that JSON.parse finds, in order', () => {
    fc.assert(
      fc.property(body, (text) => {
        const bytes = Buffer.from(text);
        const members = scanMembers(bytes);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        expect(new Set(members.map((member) => member.key))).toEqual(new Set(Object.keys(parsed)));
        for (const key of Object.keys(parsed)) expect(memberValue(bytes, members, key)).toEqual(parsed[key]);
      }),
    );
  });

  it('never takes one name for another, however alike they are', () => {
    const alike = fc.array(fc.constantFrom('a', 'b', '\\u0061', '\\\\', 'é', '�'), { maxLength: 5 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(alike, { maxLength: 12 }), (names) => {
        const bytes = Buffer.from(`{${names.map((text) => `"${text}":0`).join(',')}}`);
        expect(scanMembers(bytes).map((member) => member.key)).toEqual(names.map((text) => JSON.parse(`"${text}"`)));
      }),
    );
    const invalid = (byte: number) => scanMembers(Buffer.from([0x7b, 0x22, byte, 0x22, 0x3a, 0x30, 0x7d])).map((member) => member.key);
    expect([invalid(0xe9), invalid(0xe9), invalid(0x61)]).toEqual([['�'], ['�'], ['a']]);
  });

  it('reads a value as JSON, whatever was a name before', () => {
    const read = (inside: string) => {
      const bytes = Buffer.from(`{"${inside}":"${inside}"}`);
      const members = scanMembers(bytes);
      return memberValue(bytes, members, members[0]?.key ?? '');
    };
    for (const text of ['seen', 'seen', 'seen\x7f', 'se\\u0065n', 'séén', 'seen']) expect(read(text)).toBe(JSON.parse(`"${text}"`));
    expect(() => read('se\x01n')).toThrow('is not JSON');
    expect(() => read('se\x01n')).toThrow(JsonShapeError);
  });

  it.each([
    ['', 'empty'],
    ['  \n', 'empty'],
    ['[]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{"a":1', 'ends too early'],
    ['{"a":[1}', 'do not match'],
    ['{"a" 1}', 'colon'],
    ['{"a":}', 'value is missing'],
    ['{a:1}', 'name is missing'],
    ['{"a":1}{"b":2}', 'follows'],
    ['{"a":"x', 'does not end'],
    ['{"a":1,}', 'name is missing'],
    ['{"a":]}', 'value is missing'],
  ])('refuses %j', (text, why) => {
    expect(() => scanMembers(Buffer.from(text))).toThrow(JsonShapeError);
    expect(() => scanMembers(Buffer.from(text))).toThrow(why);
  });

  it('refuses nesting past the limit without overflowing the stack', () => {
    expect(() => scanMembers(Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`))).toThrow('nested deeper');
    expect(scanMembers(Buffer.from(`{"a":${'['.repeat(MAX_DEPTH)}${']'.repeat(MAX_DEPTH)}}`))).toHaveLength(1);
  });

  it('never throws anything but a shape error on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          scanMembers(Buffer.concat([Buffer.from('{"a":'), bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(JsonShapeError);
        }
      }),
    );
  });
});

describe('splice', () => {
  it('rewrites every model and touches no other byte', () => {
    fc.assert(
      fc.property(body, fc.string(), (text, model) => {
        const bytes = Buffer.from(text);
        const members = scanMembers(bytes);
        const edits = setModel(bytes, members, model);
        const edited = splice(bytes, edits);
        expect(
          scanMembers(edited)
            .filter((member) => member.key === 'model')
            .map((member) => edited.toString('utf8', member.valueStart, member.valueEnd)),
        ).toEqual(edits.map(() => JSON.stringify(model)));
        // Undoing the edits on the edited bytes gives the original bytes back.
        const kept: string[] = [];
        let at = 0;
        for (const edit of edits) {
          kept.push(bytes.toString('utf8', at, edit.start));
          at = edit.end;
        }
        kept.push(bytes.toString('utf8', at));
        expect(edited.toString()).toBe(kept.reduce((all, piece, i) => all + (edits[i - 1]?.text ?? '') + piece));
      }),
    );
  });

  it('asks for usage and keeps the other stream options and their bytes', () => {
    const text = '{ "model":"m", "stream_options" : {"x": 12345678901234567890, "include_usage" : false } , "stream":true}';
    const bytes = Buffer.from(text);
    expect(splice(bytes, askForUsage(bytes, scanMembers(bytes))).toString()).toBe(text.replace('false', 'true'));
  });

  it('asks for usage where there were no stream options', () => {
    const bytes = Buffer.from('{"model":"m"}');
    expect(splice(bytes, askForUsage(bytes, scanMembers(bytes))).toString()).toBe('{"stream_options":{"include_usage":true},"model":"m"}');
  });

  it('joins insertions at one place', () => {
    const bytes = Buffer.from('{"messages":[]}');
    const members = scanMembers(bytes);
    expect(splice(bytes, joinEdits(setModel(bytes, members, 'x'), askForUsage(bytes, members))).toString()).toBe(
      '{"model":"x","stream_options":{"include_usage":true},"messages":[]}',
    );
  });

  it('joins insertions into an object without members', () => {
    const bytes = Buffer.from('{}');
    expect(splice(bytes, joinEdits(setModel(bytes, [], 'x'), askForUsage(bytes, []))).toString()).toBe(
      '{"model":"x","stream_options":{"include_usage":true}}',
    );
  });

  it('inserts into an object without members', () => {
    const bytes = Buffer.from('{ }');
    expect(splice(bytes, setModel(bytes, scanMembers(bytes), 'x')).toString()).toBe('{"model":"x" }');
  });

  it('finds the last of duplicate members', () => {
    const bytes = Buffer.from('{"model":"a","model":"b"}');
    const member = lastMember(scanMembers(bytes), 'model');
    expect(member && bytes.toString('utf8', member.valueStart, member.valueEnd)).toBe('"b"');
  });
});
