import { describe, expect, it } from 'vitest';
import { nanoUsd } from '../core/index.ts';
import { loadTokenizer, PriceBook } from '../pricing/index.ts';
import { estimateInputTokens, worstCost } from './ledger-estimate.ts';

const samples: Readonly<Record<string, string>> = {
  English: 'The invoice of last month holds several items that we cannot assign. Please check the transfer and let us know by Friday. ',
  German: 'Die Rechnung für den vergangenen Monat enthält mehrere Positionen, die wir nicht zuordnen können. Bitte prüfen Sie sie. ',
  Chinese: '上个月的账单包含几个我们无法分配的项目。请检查转账并在周五之前给我们反馈。',
  Japanese: '先月の請求書には割り当てられない項目がいくつか含まれています。送金を確認してください。',
  Russian: 'Счёт за прошлый месяц содержит несколько позиций, которые мы не можем отнести. ',
  Hindi: 'पिछले महीने के बिल में कई ऐसी वस्तुएं हैं जिन्हें हम आवंटित नहीं कर सकते। ',
  emoji: '🎉🚀😀👩‍👩‍👧‍👦🔥✨',
  code: 'for (const [key, account] of this.#accounts) {\n  roll(account, at);\n  if (row?.start !== account.start) continue;\n}\n',
  JSON: '{"id":"0192f0c4-7b7e-7c3a-9c1d-0a1b2c3d4e5f","usage":{"input":1832,"output":77},"tags":["a","b"]}\n',
  hexadecimal: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ',
  numbers: '0.8444218515250481, 0.7579544029403025, 0.420571580830845, ',
};

function body(content: string): Buffer {
  return Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] }));
}

describe('the estimate of input tokens', () => {
  it.each(Object.keys(samples))('is above what a tokenizer counts, and within five times of it: %s', async (name) => {
    const count = await loadTokenizer();
    const text = (samples[name] as string).repeat(8);
    const estimate = estimateInputTokens(body(text));
    expect(estimate).toBeGreaterThanOrEqual(count(body(text).toString()));
    expect(estimate).toBeLessThan(5 * count(text) + 100);
  });

  it('counts a picture as a picture, and the text around it as text', () => {
    const picture = Buffer.alloc(150_000, 'jpeg bytes').toString('base64');
    const text = samples.English as string;
    const parts = `{"type":"image","source":{"type":"base64","data":"${picture}"}},{"type":"text","text":"${text}"}`;
    const estimate = estimateInputTokens(Buffer.from(parts));
    expect(estimate).toBeGreaterThan(5000 + picture.length / 16 + text.length / 5);
    expect(estimate).toBeLessThan(5000 + picture.length / 16 + text.length + 100);
  });

  it('is 0 for nothing', () => {
    expect(estimateInputTokens(Buffer.alloc(0))).toBe(0);
  });
});

describe('the worst cost of a request', () => {
  const worst = { inputTokens: 1_000_000, outputTokens: 1_000_000, longCache: false, serviceTier: 'default' } as const;
  const at = Date.UTC(2026, 5, 1);

  it('takes the dearest way that the input can be charged', () => {
    const prices = new PriceBook({
      declared: [{ provider: 'p', model: 'm', usdPerMillion: { input: 3, output: 15, cacheWrite5m: 3.75, cacheWrite1h: 6 } }],
      warn: () => {},
    });
    const model = { provider: 'p', model: 'm' };
    expect(worstCost(prices, model, worst, at)).toBe(nanoUsd(18.75));
    expect(worstCost(prices, model, { ...worst, longCache: true }, at)).toBe(nanoUsd(21));
  });

  it('is unknown without a price', () => {
    const prices = new PriceBook({ declared: [], warn: () => {} });
    expect(worstCost(prices, { provider: 'nobody', model: 'nothing' }, worst, at)).toBeNull();
  });
});
