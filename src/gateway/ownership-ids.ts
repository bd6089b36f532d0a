import { type Member, memberValue } from '../providers/index.ts';

/** What providers call things that they keep: a kind, then digits and letters; or a UUID. */
const ID =
  /^(?:(?:file|batch|msgbatch|ftjob|ftckpt|ft|resp|conv|upload|part|vs|vsfb|asst|thread|run|msg|video|eval|evalrun|cntr|cfile|skill|chatcmpl)[-_][A-Za-z0-9_-]{3,128}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;
/** The same as a whole string of a JSON text. */
const QUOTED =
  /"((?:file|batch|msgbatch|ftjob|ftckpt|ft|resp|conv|upload|part|vs|vsfb|asst|thread|run|msg|video|eval|evalrun|cntr|cfile|skill|chatcmpl)[-_][A-Za-z0-9_-]{3,128}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"/gi;
/** Names of endpoints. Whatever else stands in a path names a thing. */
const WORD = /^[a-z]+(_[a-z]+)*$/;
/** An escape that spells a character which could stand in an id. */
const HIDDEN = /\\u00(?:2d|3\d|4[1-9a-f]|5[\daf]|6[1-9a-f]|7[\da])/i;

/** The things that a path names, decoded, the outermost first. `isKnown`: whether a word is the name of a thing all the same. */
export function idsInPath(path: string, isKnown: (word: string) => boolean): readonly string[] {
  const ids: string[] = [];
  for (const segment of path.split('/').slice(2)) {
    const name = decoded(segment);
    if (name !== '' && (!WORD.test(name) || ID.test(name) || isKnown(name))) ids.push(name);
  }
  return ids;
}

/** What a query names: where a page of a list begins or ends, and everything else. */
export function namedInQuery(query: string): { readonly cursors: readonly string[]; readonly others: readonly string[] } {
  const entries = query === '' ? [] : [...new URLSearchParams(query)];
  return {
    cursors: entries.filter(([name]) => CURSOR.test(name)).map(([, value]) => value),
    others: entries.filter(([name]) => !CURSOR.test(name)).map(([, value]) => value),
  };
}

const CURSOR = /^(after|before)(_id)?$/;

/** Whatever stands in a JSON body as an id and nothing else, however it is spelled. */
export function idsInBody(body: Buffer): Iterable<string> {
  const text = body.toString('latin1');
  const ids = new Set<string>();
  for (const [, id] of text.matchAll(QUOTED)) if (id !== undefined) ids.add(id);
  if (HIDDEN.test(text)) for (const id of spelledOut(body)) ids.add(id);
  return ids;
}

function spelledOut(body: Buffer): readonly string[] {
  const ids: string[] = [];
  let root: unknown;
  try {
    root = JSON.parse(body.toString('utf8'));
  } catch {
    // The upstream will not read it either.
    return ids;
  }
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === 'string') {
      if (ID.test(next)) ids.push(next);
    } else if (typeof next === 'object' && next !== null) for (const inner of Object.values(next)) waiting.push(inner);
  }
  return ids;
}

/** Members of an answer that name what the upstream made for it. */
const MADE = ['output_file_id', 'error_file_id', 'result_files', 'output_file_ids', 'output_file', 'error_file'] as const;

/** What an upstream says that it made on its own for the object of an answer: the results of a batch, of a fine-tuning. */
export function idsMadeFor(body: Buffer, members: readonly Member[]): readonly string[] {
  return MADE.flatMap((name) => {
    const value = memberValue(body, members, name);
    return (Array.isArray(value) ? value : [value]).filter((id): id is string => typeof id === 'string');
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
