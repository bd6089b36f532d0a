import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerKey, bodyHash, captureBody, requestFraction } from './capture.ts';
import { redact, redactBody } from './redact.ts';

describe('captureBody', () => {
  it('keeps what the rule says, and the same for the same request', () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (id, a, b) => {
        expect(captureBody({ mode: 'off', rate: 1 }, id)).toBe('off');
        expect(captureBody({ mode: 'off', rate: 1 }, id)).toBe('off');
        expect(captureBody({ mode: 'full', rate: 0 }, id)).toBe('off');
        expect(captureBody({ mode: 'redacted', rate: 1 }, id)).toBe('redacted');
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        if (captureBody({ mode: 'full', rate: low }, id) === 'full') expect(captureBody({ mode: 'full', rate: high }, id)).toBe('full');
      }),
    );
  });

  it('keeps nothing at a rate that is no number', () => {
    expect(captureBody({ mode: 'full', rate: Number.NaN }, 'id')).toBe('off');
  });

  it('keeps the stated share of requests', () => {
    const kept = Array.from({ length: 20_000 }, (_, i) => captureBody({ mode: 'full', rate: 0.1 }, `request ${i}`)).filter(
      (m) => m === 'full',
    );
    // 2,000 expected, standard deviation 42; the ids are fixed, so this either always or never passes.
    expect(Math.abs(kept.length - 2_000)).toBeLessThan(130);
  });
});

describe('requestFraction', () => {
  it('is the first 53 bits of SHA-256 over purpose and id', () => {
    const hex = createHash('sha256').update('capture\0id').digest('hex');
    expect(requestFraction('capture', 'id')).toBe(Number(BigInt(`0x${hex.slice(0, 16)}`) >> 11n) / 2 ** 53);
    expect(requestFraction('shadow', 'id')).not.toBe(requestFraction('capture', 'id'));
  });
});

describe('keys of bodies', () => {
  it('are SHA-256 in hex, of the text or of the call', () => {
    expect(bodyHash('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(bodyHash('naïve')).toBe(createHash('sha256').update(Buffer.from('naïve')).digest('hex'));
    expect(answerKey('a')).not.toBe(answerKey('b'));
    expect(answerKey('a')).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('redact', () => {
  it.each([
    ['write to jane.doe+x@mail.example.co.uk now', 'write to [EMAIL] now'],
    ['card 4111 1111 1111 1111, or 5500-0000-0000-0004', 'card [CARD], or [CARD]'],
    ['amex 378282246310005.', 'amex [CARD].'],
    ['IBAN DE89 3704 0044 0532 0130 00 please', 'IBAN [IBAN] please'],
    ['GB82WEST12345698765432', '[IBAN]'],
    ['call +49 30 1234567 or (555) 123-4567 or 030 1234567', 'call [PHONE] or [PHONE] or [PHONE]'],
    ['555-123-4567 and +1 (415) 555-2671', '[PHONE] and [PHONE]'],
    ['sk-proj-abcdefghijklmnop1234 and sk-ant-api03-AAAAAAAAAAAAAAAAAAAA', '[KEY] and [KEY]'],
    ['ghp_abcdefghijklmnopqrstuvwxyz012345 AKIAIOSFODNN7EXAMPLE', '[KEY] [KEY]'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P', '[KEY]'],
  ])('takes the private part out of %j', (text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });

  it.each([
    'order 4111 1111 1111 1112 has a wrong sum',
    'IBAN DE89370400440532013001 has a wrong sum',
    'on 2026-01-15 at 12:30, version 1.2.3, 12345678 items for 1,234,567.89',
    'a@b is no address, nor is @name',
    'the sk-learn package and a risk-free trial',
    'id 0198c2f1-1234-7abc-8def-0123456789ab',
    '192.168.100.200',
  ])('leaves %j as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  it("applies the user's own redactors after its own", () => {
    expect(redact('customer C-1234 <c@d.example>', [(text) => text.replace(/C-\d+/g, '[CUSTOMER]')])).toBe('customer [CUSTOMER] <[EMAIL]>');
  });

  it('ends on long hostile runs', () => {
    for (const unit of ['1', '1 ', '+1 ', 'a.', 'a@', 'a@a.', 'DE89 ', 'sk-', 'eyJ', '(0', '0-']) {
      const text = unit.repeat(200_000);
      expect(redact(text).length).toBeLessThanOrEqual(text.length + 10);
    }
  });
});

describe('redactBody', () => {
  const secrets = ['jane@mail.example', '4111 1111 1111 1111', 'DE89 3704 0044 0532 0130 00', '+49 30 1234567', `sk-${'a'.repeat(30)}`];

  it('redacts every string of JSON as it reads, and leaves JSON that is otherwise as it was', () => {
    const around = fc.string({ unit: fc.constantFrom('\n', '\t', '"', '\\', ' ', 'é', '\u2028') });
    const texts = fc.array(fc.tuple(around, fc.constantFrom(...secrets), around), { maxLength: 8 });
    fc.assert(
      fc.property(texts, fc.json(), (parts, json) => {
        const redacted = parts.map(([before, secret, after]) => before + redact(secret) + after);
        expect(JSON.parse(redactBody(JSON.stringify(parts.map((part) => part.join('')))))).toEqual(redacted);
        if (!/\d{7}|@/.test(json)) expect(redactBody(json)).toBe(json);
      }),
      { numRuns: 300 },
    );
  });

  it('reads escapes, keeps numbers that are no cards to the digit, and quotes those that are', () => {
    expect(
      redactBody('{ "a": "\\u006aane@mail.example", "b": 12345678901234567890, "c": 4111111111111111, "d": 1.4111111111111111 }'),
    ).toBe('{ "a": "[EMAIL]", "b": 12345678901234567890, "c": "[CARD]", "d": 1.4111111111111111 }');
  });

  it('redacts what is no JSON as text', () => {
    expect(redactBody('data: {"a":"jane@mail.example"}\n\ndata: [DONE]')).toBe('data: {"a":"[EMAIL]"}\n\ndata: [DONE]');
  });

  it('is not stopped by depth or length', () => {
    const deep = `${'['.repeat(100_000)}"jane@mail.example"${']'.repeat(100_000)}`;
    expect(redactBody(deep)).toBe(`${'['.repeat(100_000)}"[EMAIL]"${']'.repeat(100_000)}`);
    const long = JSON.stringify({ a: '\n'.repeat(500_000), b: 'jane@mail.example' });
    expect(redactBody(long)).toBe(JSON.stringify({ a: '\n'.repeat(500_000), b: '[EMAIL]' }));
  });
});
