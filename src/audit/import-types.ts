import type { EpochMs, NanoUsd, Usage } from '../core/index.ts';
import type { ServiceTier } from '../pricing/index.ts';
import type { AuditCall, AuditDefinition, AuditSource, AuditTotal, TaskHints } from './types.ts';
import type { JsonRecord } from './values.ts';

/** A call as its importer reads it: before it has a place, a provider in the price list's words, and a price. */
export interface CallDraft extends Omit<AuditCall, 'callId' | 'source' | 'file' | 'line' | 'provider' | 'cost' | 'unpriced' | 'priceId'> {
  /** Null where the source has no id; then it is `FILE:LINE`. */
  readonly callId: string | null;
  /** Which row of the source it is: one that was read already is left out. Null where nothing tells. */
  readonly identity: string | null;
  /** As the log names it. */
  readonly provider: string | null;
  /** What was odd about its counts. */
  readonly flags: readonly string[];
  /** The price that our own record booked it at: it stands, whatever the list says today. */
  readonly settled: { readonly cost: NanoUsd; readonly priceId: string | null } | null;
}

/** No hint at all. */
export const NO_HINTS: TaskHints = { tag: null, functionId: null, promptName: null, route: null };

const EMPTY: CallDraft = {
  callId: null,
  identity: null,
  at: null,
  provider: null,
  model: '',
  servedModel: null,
  endpoint: null,
  usage: null,
  serviceTier: 'default',
  reportedCost: null,
  latencyMs: null,
  firstTokenMs: null,
  status: 'ok',
  error: null,
  hints: NO_HINTS,
  system: null,
  userTexts: [],
  tools: [],
  toolCalls: [],
  responseFormat: null,
  output: null,
  finish: null,
  conversation: null,
  key: null,
  team: null,
  params: { temperature: null, maxTokens: null },
  flags: [],
  settled: null,
};

/** A draft with the given members, and nothing known about the others. */
export function draftOf(parts: Partial<CallDraft>): CallDraft {
  return { ...EMPTY, ...parts };
}

/** A row of a report as its importer reads it, before it is priced. */
export type TotalDraft = Omit<AuditTotal, 'source' | 'file' | 'line' | 'cost'>;

/** A definition as its importer reads it. */
export type DefinitionDraft = Omit<AuditDefinition, 'source' | 'file' | 'line'>;

/** What a row of a file is. */
export type ImportedRow =
  | { readonly kind: 'call'; readonly draft: CallDraft }
  /** A call that a companion completes, where there is one. */
  | { readonly kind: 'answer'; readonly key: string; readonly row: JsonRecord }
  /** A row that belongs to calls with this key: their input, their messages. */
  | { readonly kind: 'companion'; readonly key: string }
  | { readonly kind: 'total'; readonly total: TotalDraft }
  | { readonly kind: 'definition'; readonly definition: DefinitionDraft }
  /** No model call, for a reason. */
  | { readonly kind: 'skip'; readonly reason: string };

/** How companions meet their calls. */
export interface Joining {
  /** `once`: each completes one call at most; `every`: all of a key complete a call; `shared`: one completes every call of its key. */
  readonly mode: 'once' | 'every' | 'shared';
  /** The call, from its own row and the companions that were found (none where there are none). */
  complete(row: JsonRecord, companions: readonly JsonRecord[]): ImportedRow;
  /** What a companion is whose call never came: a reason to skip it, or a call of its own. */
  orphan(row: JsonRecord): ImportedRow;
}

/** Reads one kind of log. Pure: a row in, what it is out. Never throws on any JSON. */
export interface Importer {
  readonly source: AuditSource;
  /** For people: `OpenAI stored completions`. */
  readonly title: string;
  /** Whether a row looks like one of this kind, by members that no other kind has. */
  matches(row: JsonRecord): boolean;
  read(row: JsonRecord): ImportedRow;
  readonly joining?: Joining;
}

/** A skipped row. */
export function skip(reason: string): ImportedRow {
  return { kind: 'skip', reason };
}

/** Usage with what was odd about it, tier and time, as most importers find them together. */
export interface Counted {
  readonly usage: Usage | null;
  readonly flags: readonly string[];
}

/** Nothing counted. */
export const NOT_COUNTED: Counted = { usage: null, flags: [] };

/** What a body of an answer says about its call. */
export interface AnswerFacts extends Counted {
  readonly id: string | null;
  readonly at: EpochMs | null;
  readonly servedModel: string | null;
  readonly serviceTier: ServiceTier;
  readonly output: string | null;
  readonly toolCalls: readonly string[];
  readonly finish: string | null;
  readonly error: string | null;
}

/** What a body of a request says about its call. */
export interface RequestFacts {
  readonly model: string | null;
  readonly system: string | null;
  readonly userTexts: readonly string[];
  readonly tools: readonly string[];
  readonly responseFormat: AuditCall['responseFormat'];
  readonly params: AuditCall['params'];
  readonly metadata: JsonRecord | null;
  readonly endUser: string | null;
}
