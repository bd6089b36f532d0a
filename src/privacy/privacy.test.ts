import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasIbanSum, hasLuhnSum, hasMod1110Sum, hasVerhoeffSum } from './checksums.ts';
import { changeStrings, scrub } from './private-text.ts';

const digits = (length: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: length, maxLength: length });

describe('scrub', () => {
  it.each([
    ['write to jane.doe+x@mail.example.co.uk now', 'write to [EMAIL] now', { email: 1 }],
    ['card 4111 1111 1111 1111, or 5500-0000-0000-0004', 'card [CARD], or [CARD]', { card: 2 }],
    ['IBAN DE89 3704 0044 0532 0130 00 please', 'IBAN [IBAN] please', { iban: 1 }],
    ['call +49 30 1234567 or (555) 123-4567', 'call [PHONE] or [PHONE]', { phone: 2 }],
    ['key sk-proj-abcdefghijklmnop1234', 'key [KEY]', { key: 1 }],
    ['from 192.168.100.200 and 2001:db8::8a2e:370:7334', 'from [IP] and [IP]', { ip: 2 }],
    ['host fe80:0:0:0:200:f8ff:fe21:67cf.', 'host [IP].', { ip: 1 }],
  ])('takes the private part out of %j', (text, expected, counts) => {
    expect(scrub(text)).toEqual({ text: expected, counts });
  });

  it.each([
    ['United States', 'SSN 078-05-1120 and ITIN 912-71-1234', 'SSN [ID] and ITIN [ID]'],
    ['United States, after its name', 'my ssn is 078051120', 'my ssn is [ID]'],
    ['United Kingdom', 'NI AB 12 34 56 C or AB123456C', 'NI [ID] or [ID]'],
    ['Spain', 'DNI 12345678Z, NIE X1234567L', 'DNI [ID], NIE [ID]'],
    ['France', 'NIR 2 69 05 49 588 157 80', 'NIR [ID]'],
    ['Italy', 'codice RSSMRA85T10A562S', 'codice [ID]'],
    ['Sweden', 'född 811228-9874', 'född [ID]'],
    ['Canada', 'SIN 130 692 544', 'SIN [ID]'],
    ['Brazil', 'CPF 529.982.247-25', 'CPF [ID]'],
    ['India', 'Aadhaar 2341 2341 2346', 'Aadhaar [ID]'],
    ['Poland', 'PESEL: 44051401359', 'PESEL: [ID]'],
    ['Germany', 'Steuer-ID 86 095 742 719', 'Steuer-ID [ID]'],
    ['the Netherlands', 'BSN 111222333', 'BSN [ID]'],
  ])('finds the number of a person of %s', (_country, text, expected) => {
    expect(scrub(text).text).toBe(expected);
  });

  it.each([
    '666-12-3456, 123-00-4567 and 123-45-0000 were never issued',
    'DNI 12345678A and CPF 529.982.247-26 and NIR 269054958815781 have wrong sums',
    'RSSMRA85T10A562T, 811228-9875, 130 692 545, 2341 2341 2347 too',
    'order 44051401359, item 111222333 and 86095742719 are digits alone',
    'GB123456A is no prefix, and so is QQ123456C',
    'version 1.2.3.4, v10.0.0.1, 1.2.3, 300.1.1.1 and 1.2.3.4.5',
    'at 12:30:45 from 00:1b:44:11:3a:b7, std::vector and a::b',
    'order 4111 1111 1111 1112 has a wrong sum',
    'I will mark the bill as paid in May, thanks',
    'The Mark Street office near Victoria Station in San Jose',
    'Chase Bank and American Express declined it',
    'Hi there, this is urgent. I am waiting. Dear customer',
    'id 0198c2f1-1234-7abc-8def-0123456789ab',
  ])('leaves %j as it is', (text) => {
    expect(scrub(text)).toEqual({ text, counts: {} });
  });

  it.each([
    ['Mr Smith and Dr. Anna von Berg called', 'Mr [NAME] and Dr. [NAME] called', 2],
    ['When John Smith called Maria Garcia Lopez, she left', 'When [NAME] called [NAME], she left', 2],
    ['my name is maria', 'my name is [NAME]', 1],
    ["I'm Thomas and I lost my card", "I'm [NAME] and I lost my card", 1],
    ['Hi Sarah,\nit works.\nKind regards,\nPeter Miller', 'Hi [NAME],\nit works.\nKind regards,\n[NAME]', 2],
    ['Frau Müller-Lüdenscheidt wartet', 'Frau [NAME] wartet', 1],
    ['Ich heiße Jürgen', 'Ich heiße [NAME]', 1],
    ['John F. Kennedy Airport', '[NAME] Airport', 1],
  ])('takes names out of %j where a person is meant', (text, expected, names) => {
    expect(scrub(text)).toEqual({ text: expected, counts: { name: names } });
  });

  it('looks for the kinds that are asked for, and for no other', () => {
    expect(scrub('Mr Smith, a@b.example, 10.0.0.1', ['ip'])).toEqual({ text: 'Mr Smith, a@b.example, [IP]', counts: { ip: 1 } });
    expect(scrub('Mr Smith, a@b.example', [])).toEqual({ text: 'Mr Smith, a@b.example', counts: {} });
  });

  it('counts what it replaced, and finds nothing in what it wrote', () => {
    const pieces = fc.constantFrom(
      ...[
        'jane@mail.example',
        'Mr Smith',
        'John Smith',
        '4111 1111 1111 1111',
        '078-05-1120',
        '10.0.0.1',
        '+49 30 1234567',
        ' ',
        '. ',
        'Hello ',
        '\n',
      ],
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 8 })), { maxLength: 20 }), (parts) => {
        const text = parts.join('');
        const { text: once, counts } = scrub(text);
        const placeholders = (of: string) => of.match(/\[(?:KEY|EMAIL|IBAN|ID|CARD|PHONE|IP|NAME)\]/g)?.length ?? 0;
        const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
        expect(placeholders(once) - placeholders(text)).toBe(total);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
        const once = scrub(parts.join(' ; ')).text;
        expect(scrub(once)).toEqual({ text: once, counts: {} });
      }),
    );
  });

  it('ends soon on long hostile runs', () => {
    for (const unit of [
      '1',
      '1 ',
      '1.',
      '1:',
      'a.',
      'a@',
      'A ',
      'Aa ',
      'John ',
      'Mr ',
      'van ',
      'PESEL ',
      'DE89 ',
      '0-',
      'AB12',
      'f:',
      'Hi \n',
      '12 ',
    ]) {
      const text = unit.repeat(50_000);
      expect(scrub(text).text.length).toBeGreaterThan(0);
    }
  });
});

describe('checksums', () => {
  it('accept exactly one of ten last digits, and notice every single wrong digit', () => {
    for (const [has, length] of [
      [hasLuhnSum, 16],
      [hasVerhoeffSum, 12],
      [hasMod1110Sum, 11],
    ] as const) {
      fc.assert(
        fc.property(digits(length - 1), fc.nat({ max: length - 1 }), fc.integer({ min: 1, max: 9 }), (body, at, change) => {
          const right = [...'0123456789'].map((digit) => body + digit).filter(has);
          expect(right.length).toBe(1);
          const number = right[0]!;
          const wrong = number.slice(0, at) + ((Number(number[at]) + change) % 10) + number.slice(at + 1);
          expect(has(wrong)).toBe(false);
        }),
      );
    }
  });

  it('of an IBAN are made by 98 minus the rest, and a card by its Luhn digit: both are found inside any sentence', () => {
    fc.assert(
      fc.property(
        digits(18),
        digits(15).filter((body) => body[0] !== '0'),
        (account, card) => {
          const rest = [...`${account}131400`].reduce((sum, digit) => (sum * 10 + Number(digit)) % 97, 0);
          const iban = `DE${String(98 - rest).padStart(2, '0')}${account}`;
          expect(hasIbanSum(iban)).toBe(true);
          const number = [...'0123456789'].map((digit) => card + digit).find(hasLuhnSum)!;
          expect(scrub(`pay ${iban} by ${number}!`, ['iban', 'card'])).toEqual({
            text: 'pay [IBAN] by [CARD]!',
            counts: { iban: 1, card: 1 },
          });
        },
      ),
    );
  });
});

describe('changeStrings', () => {
  it('changes strings of JSON as they read and leaves the rest to the letter', () => {
    const shout = (text: string) => text.toUpperCase();
    expect(changeStrings('{ "a": "\\u0061b", "n": [1, 2.50] }', shout)).toBe('{ "A": "AB", "N": [1, 2.50] }');
    expect(changeStrings('not "json"', shout)).toBe('NOT "JSON"');
  });
});
