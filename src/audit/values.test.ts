import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { timeOf } from './values.ts';

it('reads times as logs write them, in UTC where they name no zone', () => {
  const expected = Date.UTC(2026, 0, 31, 10, 0, 0, 120);
  for (const text of [
    '2026-01-31T10:00:00.120Z',
    '2026-01-31 10:00:00.12',
    '2026-01-31 10:00:00.120000+00:00',
    '2026-01-31T12:00:00.120+02:00',
    '2026-01-31 10:00:00.120 UTC',
  ]) {
    expect(timeOf(text)).toBe(expected);
  }
  for (const number of [1_769_853_600.12, '1769853600120', 1_769_853_600_120_000, '1769853600120000000'])
    expect(timeOf(number)).toBe(expected);
  for (const none of ['', 'yesterday', '2026-13-01 10:00:00', '1969-12-31T23:59:59Z', 5, null, {}]) expect(timeOf(none)).toBeNull();
});

it('reads any time as the platform does', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }), (date) => {
      expect(timeOf(date.toISOString())).toBe(date.getTime());
      expect(timeOf(date.toISOString().replace('T', ' ').replace('Z', ''))).toBe(date.getTime());
    }),
  );
});
