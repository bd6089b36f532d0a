import { type Json, parseJsonAnswer } from '../core/index.ts';
import { normalText } from './normal-text.ts';
import { lastNumber, sameNumber } from './numeric.ts';
import type { Case, MetricOptions, Scored } from './types.ts';

/**
 * Share of the fields that match, over every field that either side has: a missing one and an extra one each count as one more. A
 * field is a leaf of the JSON value. Numbers match within the tolerance, also against text that is that number; text matches as
 * `exact` reads it; null and absent are the same. Lists are aligned in order so that most fields match.
 */
export function jsonFields({ answer, expected }: Case, options: MetricOptions): Scored {
  const parsed = parseJsonAnswer(answer);
  if (!parsed.ok) return { score: 0, why: parsed.why };
  const { matched, total, problems } = compare(parsed.value, expected, { path: '', tolerance: options.tolerance });
  const score = total === 0 ? 1 : matched / total;
  return { score, why: `${matched} of ${total} fields${problems.length === 0 ? '' : `; ${problems.slice(0, 5).join(', ')}`}` };
}

interface Tally {
  readonly matched: number;
  readonly total: number;
  readonly problems: readonly string[];
}

interface Place {
  readonly path: string;
  readonly tolerance: number | undefined;
}

type JsonObject = { readonly [key: string]: Json | undefined };

const NONE: Tally = { matched: 0, total: 0, problems: [] };

function compare(got: Json, wanted: Json, at: Place): Tally {
  if (isList(got) && isList(wanted)) return compareLists(got, wanted, at);
  if (isObject(got) && isObject(wanted)) return compareObjects(got, wanted, at);
  if (wanted === null && got !== null) return outOfPlace(got, 'extra', at);
  if (got === null && wanted !== null) return outOfPlace(wanted, 'missing', at);
  const total = Math.max(leaves(got), leaves(wanted));
  return sameLeaf(got, wanted, at.tolerance)
    ? { matched: total, total, problems: [] }
    : { matched: 0, total, problems: [`wrong ${at.path || 'value'}`] };
}

function compareObjects(got: JsonObject, wanted: JsonObject, at: Place): Tally {
  // An empty object where one was expected is a field of its own: it says that there is nothing.
  if (Object.keys(wanted).length === 0 && Object.keys(got).length === 0) return { matched: 1, total: 1, problems: [] };
  const keys = new Set([...Object.keys(wanted), ...Object.keys(got)]);
  const parts: Tally[] = [];
  for (const key of keys) {
    const place = { ...at, path: at.path === '' ? key : `${at.path}.${key}` };
    parts.push(compareMembers(own(got, key), own(wanted, key), place));
  }
  return sum(parts);
}

function compareMembers(got: Json | undefined, wanted: Json | undefined, at: Place): Tally {
  if (wanted === undefined) return got === undefined || got === null ? NONE : outOfPlace(got, 'extra', at);
  if (got === undefined) return wanted === null ? { matched: 1, total: 1, problems: [] } : outOfPlace(wanted, 'missing', at);
  return compare(got, wanted, at);
}

/** Lists up to this many comparisons are aligned; longer ones are compared place by place. */
const ALIGN_UP_TO = 2500;

function compareLists(got: readonly Json[], wanted: readonly Json[], at: Place): Tally {
  if (got.length === 0 && wanted.length === 0) return { matched: 1, total: 1, problems: [] };
  if (got.length * wanted.length > ALIGN_UP_TO) return placeByPlace(got, wanted, at);
  // best[j] = best tally of got[i…] against wanted[j…], for the i at hand; filled from the ends.
  let below: Tally[] = tails(wanted, 'missing', at);
  for (let i = got.length - 1; i >= 0; i -= 1) {
    const extra = outOfPlace(got[i]!, 'extra', inside(at, i));
    const row: Tally[] = new Array<Tally>(wanted.length + 1);
    row[wanted.length] = sum([extra, below[wanted.length]!]);
    for (let j = wanted.length - 1; j >= 0; j -= 1) {
      const paired = sum([compare(got[i]!, wanted[j]!, inside(at, j)), below[j + 1]!]);
      const skipGot = sum([extra, below[j]!]);
      const skipWanted = sum([outOfPlace(wanted[j]!, 'missing', inside(at, j)), row[j + 1]!]);
      row[j] = better(better(paired, skipGot), skipWanted);
    }
    below = row;
  }
  return below[0]!;
}

function tails(wanted: readonly Json[], kind: 'missing', at: Place): Tally[] {
  const rows: Tally[] = new Array<Tally>(wanted.length + 1);
  rows[wanted.length] = NONE;
  for (let j = wanted.length - 1; j >= 0; j -= 1) rows[j] = sum([outOfPlace(wanted[j]!, kind, inside(at, j)), rows[j + 1]!]);
  return rows;
}

function placeByPlace(got: readonly Json[], wanted: readonly Json[], at: Place): Tally {
  const length = Math.max(got.length, wanted.length);
  return sum(Array.from({ length }, (_, i) => compareMembers(got[i], wanted[i], inside(at, i))));
}

/** More matches first, then fewer fields in all; a draw keeps the first. */
function better(a: Tally, b: Tally): Tally {
  return b.matched > a.matched || (b.matched === a.matched && b.total < a.total) ? b : a;
}

/** A value that the other side does not have: every leaf of it counts against. */
function outOfPlace(value: Json, kind: 'missing' | 'extra', at: Place): Tally {
  const total = leaves(value);
  return { matched: 0, total, problems: [`${kind} ${at.path || 'value'}`] };
}

function leaves(value: Json): number {
  const members = isList(value) ? value : isObject(value) ? Object.values(value) : null;
  if (members === null || members.length === 0) return 1;
  return members.reduce<number>((count, member) => count + (member === undefined ? 0 : leaves(member)), 0);
}

function sameLeaf(got: Json, wanted: Json, tolerance: number | undefined): boolean {
  if (typeof got === 'number' && typeof wanted === 'number') return sameNumber(got, wanted, tolerance);
  if (typeof got === 'string' && typeof wanted === 'string') return normalText(got) === normalText(wanted);
  if (typeof got === 'number' && typeof wanted === 'string') return numberText(wanted, got, tolerance);
  if (typeof got === 'string' && typeof wanted === 'number') return numberText(got, wanted, tolerance);
  return got === wanted;
}

/** Whether a text is nothing but this number, a currency sign and white space aside. */
function numberText(text: string, value: number, tolerance: number | undefined): boolean {
  const bare = text.replace(/\p{Sc}/gu, '').trim();
  const number = lastNumber(bare);
  return number !== null && /^[-+−]?[\d.,]+(?:e[-+]?\d+)?$/iu.test(bare) && sameNumber(number, value, tolerance);
}

function sum(parts: readonly Tally[]): Tally {
  let [matched, total] = [0, 0];
  const problems: string[] = [];
  for (const part of parts) {
    matched += part.matched;
    total += part.total;
    // Only a handful are ever shown; keeping all would make long lists quadratic in memory.
    for (const problem of part.problems) if (problems.length < 5) problems.push(problem);
  }
  return { matched, total, problems };
}

function inside(at: Place, index: number): Place {
  return { ...at, path: `${at.path}[${index}]` };
}

function own(value: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
