/** Tokens of vendors and of ours, by how they begin. */
const PREFIXED = /\b(?:sk|sf|pk|rk|xai|gsk|r8|hf|fw|AIza|ghp|xox[abp]|eyJ)[-_A-Za-z0-9.]{12,}/g;
const CREDENTIAL = /\b(bearer|basic)(\s+)[^\s"',;]+/gi;
const NAMED = /((?:api[-_]?key|access[-_]?token|token|secret|password|passwd|authorization|signature)["']?\s*[=:]\s*["']?)[^\s"',;&]+/gi;
const QUERY = /(\bhttps?:\/\/[^\s?"'<>]+)\?[^\s"'<>]*/gi;
const USERINFO = /(\bhttps?:\/\/)[^\s/@"'<>]+@/gi;

/** A text for logs: without whatever looks like a credential, without query strings, and not longer than 2,000 characters. */
export function redact(text: string): string {
  return text
    .slice(0, 2000)
    .replace(USERINFO, '$1')
    .replace(QUERY, '$1?…')
    .replace(CREDENTIAL, '$1$2…')
    .replace(NAMED, '$1…')
    .replace(PREFIXED, '…');
}

const HARMLESS = /^[A-Za-z0-9._:/@ -]{1,40}$/;
const SUSPICIOUS = /(?:sk|sf|pk|rk|xai|gsk|hf|AIza|eyJ|key|token|secret|bearer)[-_=:. ]?/i;

/** The same for a short name that a client chose, such as a model: cheap for names that cannot be anything else. */
export function redactName(name: string): string {
  return HARMLESS.test(name) && !SUSPICIOUS.test(name) ? name : redact(name.slice(0, 128));
}

/**
 * A failure that nobody raised on purpose, for the log: its kind and where it was thrown. Not its message, for those of parsers quote
 * what they were given, which may be a prompt.
 */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${typeof error}`;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const places = frames.slice(0, 3).map((line) => /[^/\\(]+:\d+:\d+/.exec(line)?.[0] ?? '?');
  return `${error.name} at ${places.join(' < ')}`;
}
