import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeFailure, redact, redactName } from './redact.ts';

describe('redaction', () => {
  it.each([
    ['a bearer token', 'sent authorization: Bearer abc.def-123 upstream', 'abc.def-123'],
    ['a vendor key', 'Incorrect API key provided: sk-proj-0123456789abcdef', 'sk-proj-0123456789abcdef'],
    ['a key of ours', 'model sf-0123456789abcdefABCDEF-_ is unknown', 'sf-0123456789abcdefABCDEF-_'],
    ['a query string', 'GET https://example.com/v1/x?api_key=hunter2&b=1 failed', 'hunter2'],
    ['a password in a URL', 'cannot reach postgres via https://me:hunter2@db.example/x', 'hunter2'],
    ['a named secret', '{"api_key": "hunter2-and-more"}', 'hunter2-and-more'],
    ['a header', 'x-api-key=hunter2', 'hunter2'],
  ])('takes out %s', (_, text, secret) => {
    expect(text).toContain(secret);
    expect(redact(text)).not.toContain(secret);
  });

  it('leaves ordinary sentences alone, and cuts what is too long', () => {
    const sentence = 'records wait in the spool: STORE_UNAVAILABLE: the database does not answer';
    expect(redact(sentence)).toBe(sentence);
    expect(redact('x'.repeat(10_000))).toHaveLength(2000);
  });

  it('leaves the names of models alone and takes keys out of them', () => {
    for (const name of ['gpt-5-mini', 'claude-opus-5-20260701', 'meta-llama/Llama-3.1-8B-Instruct', 'task/classify']) {
      expect(redactName(name)).toBe(name);
    }
    expect(redactName('sk-proj-0123456789abcdef')).toBe('…');
  });

  it('describes a failure by its kind and place, never by its words', () => {
    const parse = () => {
      try {
        return JSON.parse('a private prompt');
      } catch (error) {
        return describeFailure(error);
      }
    };
    expect(parse()).toMatch(/^SyntaxError at \S+(:\d+:\d+| <)/);
    expect(parse()).not.toContain('private');
    expect(describeFailure('a private prompt')).toBe('a thrown string');
  });

  it('takes linear time, whatever it is given', () => {
    fc.assert(
      fc.property(fc.constantFrom('a', 'sk-', 'http://', 'bearer ', 'token=', '-', '@', '?'), fc.nat(5_000), (part, times) => {
        expect(redact(part.repeat(times)).length).toBeLessThanOrEqual(4000);
      }),
    );
  });
});
