import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../core/index.ts';
import { maskTemplate } from './mask.ts';

/** What of a request is the same from call to call. */
export interface PromptTemplate {
  /** The system prompt, all of it; null or empty when there is none. */
  readonly system: string | null;
  /** The first message of the user: its leading part stands in for a system prompt, and only then. */
  readonly user: string | null;
  /** Names of the tools, in any order. */
  readonly tools: readonly string[];
  /** What the answer must look like, as the request says it; null when it says nothing. */
  readonly responseFormat: Json;
}

/** Under which equal templates are found again. */
export interface Fingerprint {
  /** SHA-256 in hex. */
  readonly hash: string;
  /** The masked prompt, as people recognise it: no names, numbers or keys. '' where nothing is constant. */
  readonly masked: string;
}

/**
 * The fingerprint of a template: masked system prompt, tool names, response format. Without a system prompt the leading part of
 * the first user message is used (see `leadingPart`); without either, all requests with the same tools and format are one group.
 */
export function fingerprintOf(template: PromptTemplate): Fingerprint {
  const source = template.system !== null && template.system.trim() !== '' ? template.system : leadingPart(template.user ?? '');
  const masked = maskTemplate(source);
  const tools = [...new Set(template.tools)].sort();
  const said = canonicalJson({ version: 1, masked, tools, responseFormat: template.responseFormat });
  return { hash: createHash('sha256').update(said).digest('hex'), masked };
}

/** Longest leading part; a template without system prompt begins with its instruction. */
const LEADING_LENGTH = 160;
/** An instruction has words; `Re:` or `Hi:` are none. */
const LEADING_LEAST = 12;

/**
 * The part of a user message that is surely instruction: up to the first colon that ends a word, or the end of the first line of
 * several, within 160 characters. '' where neither comes: then the message is taken for data, because a guess would make a task of
 * every question that anybody asks.
 */
export function leadingPart(text: string): string {
  const start = text.trimStart().slice(0, LEADING_LENGTH + 1);
  const end = start.search(/:(?=\s)|\n/);
  if (end < LEADING_LEAST) return '';
  const part = start.slice(0, end + 1).trimEnd();
  // The end of a line is no end of an instruction when nothing follows it.
  return start[end] === '\n' && text.trim() === part ? '' : part;
}
