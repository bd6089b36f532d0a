import { InvalidArgumentError } from 'commander';

const UNITS = { d: 86_400_000, h: 3_600_000 } as const;

/** `30d`, `12h` or a day such as 2026-10-01 (UTC). */
export type Since = { readonly agoMs: number } | { readonly at: number };

/** Reads how far back to look; throws for anything else. */
export function parseSince(text: string): Since {
  const [, count, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? [];
  if (count !== undefined && Number(count) > 0) return { agoMs: Number(count) * UNITS[unit as keyof typeof UNITS] };
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('It takes days or hours, as 30d or 12h, or a day, as 2026-10-01.');
  return { at };
}
