/** How vendors and engines say in words that a request is longer than the model can read. */
const TOO_LONG =
  /prompt is too long|maximum context length|context window|exceeds? the (?:available )?context (?:size|length)|input is too long|input token count.{0,40}exceeds the maximum/i;
const LIMIT = /maximum context length (?:is|of)(?: about)? (\d+)|context size \((\d+) tokens\)|tokens allowed \((\d+)\)/i;
const ASKED = /(?:requested(?: about)?|resulted in|request has) (\d+)(?: input)? tokens|input token count \((\d+)\)/i;
/** The words by which Anthropic's clients know that they have to compact. */
const PROMPT_TOO_LONG = 'prompt is too long';

/** Whether an error's words say that the request is longer than the model can read. */
export function saysTooLong(message: string): boolean {
  return TOO_LONG.test(message);
}

/**
 * The message of such an error in Anthropic's words, which its clients look for, with both lengths where the upstream tells them; its
 * own words follow. A message that has these words already is kept.
 */
export function promptTooLong(message: string): string {
  if (message.toLowerCase().includes(PROMPT_TOO_LONG)) return message;
  const asked = numberIn(ASKED, message);
  const limit = numberIn(LIMIT, message);
  const lengths = asked !== null && limit !== null && asked > limit ? `${asked} tokens > ${limit} maximum` : '';
  return [PROMPT_TOO_LONG, lengths, message].filter((part) => part !== '').join(': ');
}

function numberIn(pattern: RegExp, message: string): number | null {
  const found = pattern
    .exec(message)
    ?.slice(1)
    .find((digits) => digits !== undefined);
  return found === undefined ? null : Number(found);
}
