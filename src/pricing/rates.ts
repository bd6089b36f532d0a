import { addUsd, costOfTokens, type NanoUsd, type NanoUsdPerMillion, NO_USAGE, type Usage, ZERO_USD } from '../core/index.ts';
import type { PriceClass, PriceLine, Rates } from './types.ts';

/**
 * What a class costs when the list states no price of its own, tried in order. Cache classes then cost what fresh input
 * costs (no discount, no surcharge), a one-hour cache write what a five-minute one costs: the rule of genai-prices, so both agree.
 * A class whose whole chain is unstated has no price, and then the call has none: tokens are never dropped.
 */
export const fallbacks: Readonly<Record<PriceClass, readonly PriceClass[]>> = {
  freshInput: [],
  audioInput: ['freshInput'],
  cacheRead: ['freshInput'],
  cacheWrite5m: ['freshInput'],
  cacheWrite1h: ['cacheWrite5m', 'freshInput'],
  output: [],
  reasoning: ['output'],
  audioOutput: ['output'],
  request: [],
};

/** The price of a class: its own, or the first stated one of its chain; null when there is none. */
export function rateOf(rates: Rates, priceClass: PriceClass): NanoUsdPerMillion | null {
  const own = rates[priceClass];
  if (own !== undefined) return own;
  for (const fallback of fallbacks[priceClass]) {
    const rate = rates[fallback];
    if (rate !== undefined) return rate;
  }
  return null;
}

const USAGE_COUNTS = Object.keys(NO_USAGE) as readonly (keyof Usage)[];

/** Says what is wrong with counts that cannot be booked, or null when all is well. */
export function usageProblem(usage: Usage): string | null {
  for (const name of USAGE_COUNTS) {
    const count = usage[name];
    if (!Number.isSafeInteger(count) || count < 0) return `${name} is ${count}, not a count of tokens`;
  }
  if (usage.audioInput > usage.freshInput) return `audioInput ${usage.audioInput} exceeds freshInput ${usage.freshInput}, which holds it`;
  if (usage.reasoning > usage.output) return `reasoning ${usage.reasoning} exceeds output ${usage.output}, which holds it`;
  if (usage.audioOutput > usage.output) return `audioOutput ${usage.audioOutput} exceeds output ${usage.output}, which holds it`;
  return null;
}

/**
 * Books a usage at a set of rates, a line per class that has tokens, and one per request where the list charges for it.
 * Reasoning and audio are parts of the output and the input: they get a line only where they have a price of their own,
 * so that they are never paid twice. Returns the class without a price instead, when there is one.
 */
export function bookLines(usage: Usage, rates: Rates): { readonly lines: PriceLine[]; readonly unpriced: PriceClass | null } {
  const lines: PriceLine[] = [];
  const audioInput = rates.audioInput === undefined ? 0 : usage.audioInput;
  const audioOutput = rates.audioOutput === undefined ? 0 : usage.audioOutput;
  // Reasoning spoken aloud would be in both counts; it is paid once, as audio.
  const reasoning = rates.reasoning === undefined ? 0 : Math.min(usage.reasoning, usage.output - audioOutput);
  const unpriced =
    bookClass(lines, rates, 'freshInput', usage.freshInput - audioInput) ??
    bookClass(lines, rates, 'audioInput', audioInput) ??
    bookClass(lines, rates, 'cacheRead', usage.cacheRead) ??
    bookClass(lines, rates, 'cacheWrite5m', usage.cacheWrite5m) ??
    bookClass(lines, rates, 'cacheWrite1h', usage.cacheWrite1h) ??
    bookClass(lines, rates, 'output', usage.output - reasoning - audioOutput) ??
    bookClass(lines, rates, 'reasoning', reasoning) ??
    bookClass(lines, rates, 'audioOutput', audioOutput) ??
    bookClass(lines, rates, 'request', rates.request === undefined ? 0 : 1);
  return { lines: unpriced === null ? lines : [], unpriced };
}

/** Adds the line of a class where it has tokens; the class itself when these have no price. */
function bookClass(lines: PriceLine[], rates: Rates, priceClass: PriceClass, tokens: number): PriceClass | null {
  if (tokens === 0) return null;
  const pricePerMillion = rateOf(rates, priceClass);
  if (pricePerMillion === null) return priceClass;
  lines.push({ class: priceClass, tokens, pricePerMillion, cost: costOfTokens(tokens, pricePerMillion) });
  return null;
}

/** The exact sum of the lines. */
export function totalOf(lines: readonly PriceLine[]): NanoUsd {
  let sum = ZERO_USD;
  for (const { cost } of lines) sum = addUsd(sum, cost);
  return sum;
}
