import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskTemplate } from './index.ts';

describe('maskTemplate', () => {
  it.each([
    ['Order 12345 costs $12.50 or 5%.', 'Order {number} costs {number} or {number}.'],
    ['Ticket 6f9619ff-8b86-d011-b42d-00cf4fc964ff of cus_9aB3kd99', 'Ticket {id} of {id}'],
    // Ids of one kind, by chance without a letter, and with one that could be an exponent's.
    ['Of 000000000000000f, 0000000000000000 and 00000000000000e1', 'Of {id}, {id} and {id}'],
    ['Today is Sunday, November 22nd, 2026, 14:35.', 'Today is {date}, {time}.'],
    ['Since 2026-11-22T10:00:00Z, or 22/11/2026, or 22 Nov 2026', 'Since {date}, or {date}, or {date}'],
    ['Write to alice@example.com or see https://x.io/a(b),c?d=1; or', 'Write to {email} or see {url} or'],
    ['Working directory: /home/user/project', 'Working directory: {path}'],
    ['The customer is Alice van der Berg of Acme Corp. Today we help.', 'The customer is {name} of {name}. Today we help.'],
    ['Ask John F. Kennedy about it', 'Ask {name} about it'],
    ["Reply in \"English\", don't say 'no', say “yes” or `maybe`.", "Reply in {quoted}, don't say {quoted}, say {quoted} or {quoted}."],
    [
      'password: hunter2 api_key=abc DB_PASSWORD="x y" Bearer abcdefgh',
      'password: {secret} api_key={secret} DB_PASSWORD={secret} Bearer {secret}',
    ],
    ['Answer in JSON.\n\n  Be brief', 'Answer in JSON.\nBe brief'],
    ['May I help? You may.', 'May I help? You may.'],
    ['```json\n{"a": 1}\n```', '```json\n{{quoted}: {number}}\n```'],
    ['', ''],
  ])('masks %j', (text, masked) => {
    expect(maskTemplate(text)).toBe(masked);
  });

  it('leaves words of people as they are', () => {
    const text = 'classify the state-of-the-art request into billing, credit_card or nonintercollaborativeness';
    expect(maskTemplate(text)).toBe(text);
  });

  it('changes nothing of what is masked already, for plain words', () => {
    const word = fc.constantFrom('you', 'are', 'a', 'helpful', 'agent', '{name}', '{number}', 'and', 'answer');
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), (words) => {
        const once = maskTemplate(words.join(' '));
        expect(maskTemplate(once)).toBe(once);
      }),
    );
  });

  it('lets no key through, whatever stands around it', () => {
    const characters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-'];
    const body = fc.array(fc.constantFrom(...characters), { minLength: 32, maxLength: 64 }).map((list) => list.join(''));
    const key = fc
      .tuple(fc.constantFrom('sk-', 'sk-ant-api03-', 'ghp_', 'AKIA', 'xoxb-', 'eyJ'), body)
      .map(([prefix, rest]) => prefix + rest)
      // Without a digit or capitals it is no key but a very long word.
      .filter((text) => /\d/.test(text));
    const around = fc.constantFrom('', ' ', '"', "'", '(', '[', '<', 'key=', 'token: ', 'use ', '.', ',', '`', '**', ':');
    fc.assert(
      fc.property(around, key, around, (before, secret, after) => {
        const masked = maskTemplate(`The tool ${before}${secret}${after} is used`);
        expect(masked).not.toContain(secret.slice(6, 30));
      }),
    );
  });

  it('ends on hostile input, because it is linear in the text', () => {
    const hostile = [
      '"',
      "'",
      '“',
      '`',
      '://',
      'a=',
      ':',
      '=',
      '{',
      '1-',
      '1.',
      'Sunday, ',
      'John ',
      'A. ',
      '@.',
      '\u00a0',
      '"\n',
      'a:b=',
      '0x',
      'é',
    ];
    for (const piece of hostile) expect(maskTemplate(piece.repeat(200_000)).length).toBeLessThan(200_000);
  });

  it('masks any text at all', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof maskTemplate(text) === 'string'));
  });
});
