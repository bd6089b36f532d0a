import { type Call, type CallCombination, isSameCombination, type NanoUsd, Recent, type Usage } from '../core/index.ts';
import { SHARED_MEMBERS, sharedFrom, sharedList, tagsFrom } from './spool-call-members.ts';
import { invalid, membersOf, number, numberOrNull, requireLength, text, textOrNull } from './spool-members.ts';

const START = '["c2",';
const OWN_MEMBERS = 11;
const COMMON_USAGE = 3;
const ALL_USAGE = 8;
/** Combinations of models, tasks, keys and outcomes that alternate: past these, a text is made anew. */
const WRITTEN = 16;
/** Past these, what was read is forgotten. */
const READ = 1_000;
/** Printable ASCII without the two that JSON escapes. */
const plain = /^[ !#-[\]-~]*$/;

const written = new Recent<CallCombination, string>(WRITTEN, isSameCombination);
const read = new Map<string, CallCombination>();

/**
 * A call as one line that ends in a newline: a JSON array of the version of its shape, the length of the text of what it shares with
 * others, that, and what is its own. Members are by place, because their names would be half of the line. JSON escapes every newline
 * inside, so the newline alone marks a whole line. It is put together by hand: every answer waits for it.
 */
export function encodeCall(call: Call): string {
  const shared = sharedText(call);
  // A request that is one attempt, as nearly all are, lends it its id.
  const requestId = call.requestId === call.id ? '0' : quoted(call.requestId);
  return (
    `${START}${shared.length},${shared},[${quoted(call.id)},${requestId},${call.at},` +
    `${microseconds(call.latencyMs)},${microseconds(call.firstTokenMs)},${numeral(call.cost)},${numeral(call.confidence)},` +
    `[${usageText(call.usage)}],${quotedOrNull(call.fingerprint)},${quotedOrNull(call.bodyHash)},{${tagsText(call.tags)}}]]\n`
  );
}

/** Whether a line is a call of this shape. */
export function isCall(line: string): boolean {
  return line.startsWith(START);
}

/** Reads such a line without its newline. Throws INPUT_INVALID, naming the member, where `encodeCall` did not write it. */
export function decodeCall(line: string): Call {
  const comma = line.indexOf(',', START.length);
  const end = comma + 1 + Number(line.slice(START.length, comma));
  if (comma < 0 || line[end] !== ',' || !line.endsWith(']')) throw invalid('it is not whole');
  const shared = readShared(line.slice(comma + 1, end));
  const m = membersOf(line.slice(end + 1, -1));
  requireLength(m, OWN_MEMBERS);
  const id = text(m[0], 'id');
  return {
    id,
    requestId: m[1] === 0 ? id : text(m[1], 'requestId'),
    at: number(m[2], 'at'),
    task: shared.task,
    step: shared.step,
    pipeline: shared.pipeline,
    key: shared.key,
    team: shared.team,
    model: shared.model,
    provider: shared.provider,
    servedModel: shared.servedModel,
    tier: shared.tier,
    purpose: shared.purpose,
    outcome: shared.outcome,
    error: shared.error,
    stop: shared.stop,
    usage: usageFrom(m[7]),
    usageSource: shared.usageSource,
    priceId: shared.priceId,
    cost: numberOrNull(m[5], 'cost') as NanoUsd | null,
    latencyMs: milliseconds(m[3], 'latencyMs'),
    firstTokenMs: milliseconds(m[4], 'firstTokenMs'),
    streamed: shared.streamed,
    confidence: numberOrNull(m[6], 'confidence'),
    decision: shared.decision,
    fingerprint: textOrNull(m[8], 'fingerprint'),
    bodyHash: textOrNull(m[9], 'bodyHash'),
    tags: tagsFrom(m[10]),
  };
}

function sharedText(call: Call): string {
  const known = written.get(call);
  if (known !== undefined) return known;
  const line = JSON.stringify(sharedList(call));
  // Remembered by copies: a name may be part of a text as long as a whole answer, which it would keep in memory.
  written.set(copy(call), line);
  return line;
}

function copy(call: CallCombination): CallCombination {
  const { task, step, pipeline, key, team, model, provider, servedModel, tier, purpose, outcome, error, stop } = call;
  const { usageSource, priceId, decision, streamed } = call;
  const members: CallCombination = {
    ...{ task, step, pipeline, key, team, model, provider, servedModel, tier, purpose, outcome, error, stop },
    ...{ usageSource, priceId, decision, streamed },
  };
  return JSON.parse(JSON.stringify(members)) as CallCombination;
}

function readShared(line: string): CallCombination {
  const known = read.get(line);
  if (known !== undefined) return known;
  const members = membersOf(line);
  requireLength(members, SHARED_MEMBERS);
  const shared = sharedFrom(members);
  if (read.size >= READ) read.clear();
  // A text of its own: the line is part of all that was read with it.
  read.set(JSON.stringify(members), shared);
  return shared;
}

/** Text as JSON has it. */
function quoted(value: string): string {
  return typeof value === 'string' && plain.test(value) ? `"${value}"` : JSON.stringify(value);
}

function quotedOrNull(value: string | null): string {
  return value === null ? 'null' : quoted(value);
}

/** What JSON has no number for is written as a text: it is refused when it is read, and then by name. */
function numeral(value: number | null): string | number {
  if (value === null) return 'null';
  return Number.isFinite(value) ? value : `"${value}"`;
}

/** Milliseconds as whole microseconds, which are shorter; as a text where they are none. */
function microseconds(ms: number | null): string | number {
  if (ms === null) return 'null';
  const us = Math.round(ms * 1000);
  return us / 1000 === ms ? us : `"${ms}"`;
}

function milliseconds(value: unknown, what: string): number | null {
  if (typeof value === 'number') return value / 1000;
  if (value === null) return null;
  const ms = Number(text(value, what));
  if (!Number.isFinite(ms)) throw invalid(`${what} is not a number`);
  return ms;
}

/** What nearly every answer has, or everything. */
function usageText(u: Usage): string {
  const isCommon = u.cacheWrite5m === 0 && u.cacheWrite1h === 0 && u.reasoning === 0 && u.audioInput === 0 && u.audioOutput === 0;
  const common = `${u.freshInput},${u.cacheRead},${u.output}`;
  return isCommon ? common : `${common},${u.cacheWrite5m},${u.cacheWrite1h},${u.reasoning},${u.audioInput},${u.audioOutput}`;
}

function usageFrom(value: unknown): Usage {
  if (!Array.isArray(value)) throw invalid('usage is not a list');
  const isCommon = value.length === COMMON_USAGE;
  if (!isCommon) requireLength(value, ALL_USAGE);
  return {
    freshInput: number(value[0], 'freshInput'),
    cacheRead: number(value[1], 'cacheRead'),
    cacheWrite5m: isCommon ? 0 : number(value[3], 'cacheWrite5m'),
    cacheWrite1h: isCommon ? 0 : number(value[4], 'cacheWrite1h'),
    output: number(value[2], 'output'),
    reasoning: isCommon ? 0 : number(value[5], 'reasoning'),
    audioInput: isCommon ? 0 : number(value[6], 'audioInput'),
    audioOutput: isCommon ? 0 : number(value[7], 'audioOutput'),
  };
}

function tagsText(tags: Call['tags']): string {
  let members = '';
  for (const name in tags) members += `${members === '' ? '' : ','}${quoted(name)}:${quoted(tags[name] as string)}`;
  return members;
}
