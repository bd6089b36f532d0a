import { contentHash, type Json, SmallfirstError } from '../core/index.ts';
import type { PruneList, StaticPart } from './types.ts';

const FORMAT = 'smallfirst-prune';

/** Freezes parts in their order. Throws INPUT_INVALID for an empty one: it would be found everywhere. */
export function pruneListOf(parts: readonly StaticPart[]): PruneList {
  if (parts.some(({ text }) => text === '')) throw new SmallfirstError('INPUT_INVALID', 'a part to prune is empty');
  const frozen = parts.map(({ role, text }): StaticPart => ({ role, text }));
  return { parts: frozen, hash: contentHash(frozen as unknown as Json) };
}

/** A list as a file holds it. */
export function formatPruneList(list: PruneList): string {
  return `${JSON.stringify({ format: FORMAT, version: 1, hash: list.hash, parts: list.parts }, null, 2)}\n`;
}

/** Reads a file of `formatPruneList`. Throws INPUT_INVALID for a foreign one, and where the texts are not those that the hash was taken of. */
export function parsePruneList(text: string): PruneList {
  const { format, version, hash, parts } = membersOf(text);
  if (format !== FORMAT) throw invalid('it is no list of prompt parts');
  if (version !== 1) throw invalid(`it has version ${String(version)}; this smallfirst reads 1`);
  if (!Array.isArray(parts) || !parts.every(isPart)) throw invalid('its parts are no texts of a system or user prompt');
  const list = pruneListOf(parts);
  if (list.hash !== hash) throw invalid('its parts were changed after the model was trained without them: their hash differs');
  return list;
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  } catch {
    throw invalid('it is not JSON');
  }
  throw invalid('it is no JSON object');
}

function isPart(value: unknown): value is StaticPart {
  if (typeof value !== 'object' || value === null) return false;
  const { role, text } = value as Partial<Record<keyof StaticPart, unknown>>;
  return (role === 'system' || role === 'user') && typeof text === 'string' && text !== '';
}

function invalid(why: string): SmallfirstError {
  return new SmallfirstError('INPUT_INVALID', `The list of pruned parts cannot be used: ${why}.`);
}
