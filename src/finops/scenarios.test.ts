import { describe, expect, it } from 'vitest';
import { formatUsd, nanoUsd, toUsd } from '../core/index.ts';
import { breakEvenVolume, DAYS_PER_MONTH, HOURS_PER_MONTH, monthlyCost, utilisationBreakEven } from './break-even.ts';
import { selfHostedUsdPerMillion } from './capacity.ts';
import { cascadeCost, escalationForSaving, mixSaving } from './cascade-cost.ts';
import { promotionItems } from './promotion-size.ts';
import {
  monthlyAfter,
  optionalShareFor,
  perConversation,
  scenarioBill,
  seedOne,
  seedThree,
  seedThreeHost,
  seedThreeRatio,
  seedTwo,
} from './scenarios.ts';

const percent = (share: number) => (share * 100).toFixed(2);

describe('seed 1, as printed', () => {
  const worked = scenarioBill(seedOne);

  it('adds up to $.056 before and $.0127 after a message, a saving of 77.32 %', () => {
    expect(toUsd(worked.message.total.before.cost)).toBe(0.056);
    expect(toUsd(worked.message.total.after.cost)).toBe(0.0127);
    expect(percent(worked.message.total.savedShare!)).toBe('77.32');
  });

  it('is $14,000 → $3,175 a month at 250,000 messages, not the $1,400 of the text', () => {
    expect(seedOne.messagesPerMonth).toBe(250_000);
    expect(formatUsd(worked.month.total.before.cost)).toBe('$14,000.00');
    expect(formatUsd(worked.month.total.after.cost)).toBe('$3,175.00');
    expect(percent(worked.month.total.savedShare!)).toBe('77.32');
  });

  it('reaches $1,400 when 40.83 % of the messages are polished: (1400/250000 − .0007) / .012', () => {
    expect(percent(worked.optionalShareForClaim)).toBe('40.83');
    expect(worked.optionalShareForClaim).toBeCloseTo((1400 / 250_000 - 0.0007) / 0.012, 12);
    expect(monthlyAfter(seedOne, worked.optionalShareForClaim)).toBe(nanoUsd(1_400));
  });

  it('is $175 with no polish, $775 at 20 % and $3,175 with all of it', () => {
    expect([0, 0.2, 1].map((share) => toUsd(monthlyAfter(seedOne, share)))).toEqual([175, 775, 3175]);
    expect(optionalShareFor(seedOne, nanoUsd(775))).toBeCloseTo(0.2, 12);
  });

  it('saves 60, 80, 60, 1 and 60 times per step', () => {
    const ratios = worked.message.steps.map((step) => step.before!.cost / step.after!.cost);
    expect(ratios.map(Math.round)).toEqual([60, 80, 60, 1, 60]);
    expect(worked.message.steps.find((step) => step.step === 'polish')?.saved).toBe(0);
  });
});

describe('seed 2, the same mixes at other prices', () => {
  const savings = seedTwo.map(({ prices, mixes }) =>
    mixes.map(([small, mid, frontier]) =>
      Math.round(
        100 *
          mixSaving(
            [
              { share: small, cost: prices.small },
              { share: mid, cost: prices.mid },
              { share: frontier, cost: prices.frontier },
            ],
            prices.frontier,
          ),
      ),
    ),
  );

  it('save 73, 80 and 59 % in 2024; 58, 64 and 47 % or 66, 74 and 53 % today', () => {
    expect(savings).toEqual([
      [73, 80, 59],
      [58, 64, 47],
      [66, 74, 53],
    ]);
  });
});

describe('seed 3, break-even', () => {
  it('reproduces $0.392 per million on an A40 that is busy a quarter of its hours', () => {
    expect(selfHostedUsdPerMillion(seedThreeHost).toFixed(3)).toBe('0.392');
  });

  it('puts the A40 against $.20 hosted at 49 % of its hours, and against $.05 never', () => {
    expect(Math.round(100 * utilisationBreakEven({ ...seedThreeHost, hostedUsdPerMillion: 0.2 }))).toBe(49);
    expect(utilisationBreakEven({ ...seedThreeHost, hostedUsdPerMillion: 0.05 })).toBeGreaterThan(1);
  });

  it('divides the printed prices to 225, not 200', () => {
    expect(Math.round(seedThreeRatio.bigUsdPerThousand / seedThreeRatio.smallUsdPerThousand)).toBe(225);
  });

  it('finds $474, $511 or $7,296 a month for 8,000 conversations a day, by baseline', () => {
    const months = seedThree.baselines.map((row) => Math.round(monthlyCost({ ...row, callsPerDay: seedThree.conversationsPerDay })));
    expect(months).toEqual([474, 511, 7296]);
    expect(perConversation(seedThree.claimedMonthly, seedThree.conversationsPerDay, DAYS_PER_MONTH).toFixed(5)).toBe('0.00206');
  });

  it('finds $13,440 for them at the price of seed 1', () => {
    const perMessage = toUsd(scenarioBill(seedOne).message.total.before.cost);
    expect(Math.round(seedThree.conversationsPerDay * 30 * perMessage)).toBe(13_440);
  });

  it('pays for a dedicated endpoint from 49 thousand calls a month, and never when nothing is saved', () => {
    const fixedUsdPerMonth = 0.8 * HOURS_PER_MONTH;
    expect(Math.round(breakEvenVolume({ fixedUsdPerMonth, usdPerCallBefore: 0.012, usdPerCallAfter: 0.0002 })! / 1000)).toBe(49);
    expect(breakEvenVolume({ fixedUsdPerMonth, usdPerCallBefore: 0.001, usdPerCallAfter: 0.001 })).toBeNull();
  });
});

describe('a cascade', () => {
  it('costs the small model always and the big one when it escalates', () => {
    expect(Math.round(100 * cascadeCost({ small: 1, big: 60, escalation: 0.2 }).saving)).toBe(78);
    expect(Math.round(100 * cascadeCost({ small: 1, big: 25, escalation: 0.2 }).saving)).toBe(76);
    expect(cascadeCost({ small: 1, big: 5, escalation: 0.2 })).toEqual({ perRequest: 2, escalationWaste: 0.2, saving: 0.6 });
  });

  it('saves 90 % only up to 6 % escalation at a ratio of 25, 8.3 % at 60', () => {
    expect(escalationForSaving({ small: 1, big: 25, saving: 0.9 })).toBeCloseTo(0.06, 12);
    expect(escalationForSaving({ small: 1, big: 60, saving: 0.9 })).toBeCloseTo(0.0833, 4);
  });

  it('refuses shares and costs that mean nothing', () => {
    expect(() => cascadeCost({ small: 1, big: 5, escalation: 1.2 })).toThrow(RangeError);
    expect(() => cascadeCost({ small: 1, big: 0, escalation: 0 })).toThrow(RangeError);
    expect(() => mixSaving([{ share: 0.5, cost: 1 }], 5)).toThrow('shares add up to 0.5');
  });
});

describe('the items of a promotion', () => {
  it('are 688 at 10 % discordant pairs and a margin of 3 %, 248 at 5 %', () => {
    expect(promotionItems({ discordance: 0.1, margin: 0.03 })).toBe(688);
    expect(promotionItems({ discordance: 0.1, margin: 0.05 })).toBe(248);
    expect(() => promotionItems({ discordance: 0, margin: 0.05 })).toThrow(RangeError);
  });
});
