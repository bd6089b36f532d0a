/**
 * Finds what follows a key in JSON text without parsing it: offset of the first character of its value, -1 when there is no such key.
 * The key is given with its quotes (`'"usage"'`), so that nothing is built on the hot path. Inside a JSON string every quote is escaped, so `"key"` followed by a colon can only be a key, at whatever depth.
 */
export function valueAfter(json: string, quoted: string, from = 0): number {
  for (let at = json.indexOf(quoted, from); at !== -1; at = json.indexOf(quoted, at + 1)) {
    let next = skipSpace(json, at + quoted.length);
    if (json.charCodeAt(next) !== 0x3a) continue;
    next = skipSpace(json, next + 1);
    return next < json.length ? next : -1;
  }
  return -1;
}

/** The string that a key holds; null when the key is missing or holds something else. */
export function stringAfter(json: string, quoted: string, from = 0): string | null {
  const start = valueAfter(json, quoted, from);
  return start === -1 ? null : stringAt(json, start);
}

/** The string whose opening quote stands at `start`, unescaped; null when there is no whole string. */
export function stringAt(json: string, start: number): string | null {
  if (json.charCodeAt(start) !== 0x22) return null;
  let end = json.indexOf('"', start + 1);
  if (end === -1) return null;
  const slash = json.indexOf('\\', start + 1);
  if (slash === -1 || slash > end) return json.slice(start + 1, end);
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf('"', end + 1);
  if (end === -1) return null;
  try {
    return JSON.parse(json.slice(start, end + 1)) as string;
  } catch {
    return null;
  }
}

function isEscaped(json: string, at: number): boolean {
  let slashes = 0;
  while (json.charCodeAt(at - 1 - slashes) === 0x5c) slashes += 1;
  return slashes % 2 === 1;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  for (;;) {
    const code = json.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}
