import { inputTotal, textOf, type Usage, usage } from '../core/index.ts';
import { codecs, MalformedRequest, parseBody } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';

/** Texts longer than this are estimated at four characters a token: counting them exactly would hold everybody else up. */
const MAX_COUNTED = 64 * 1024;

/** The tokens of a call whose upstream did not say: its prompt and what of the answer arrived. Never 0 for either that has text. */
export function countUsage(exchange: Exchange, written: string, countTokens: (text: string) => number): Usage {
  const count = (text: string): number => (text.length > MAX_COUNTED ? Math.ceil(text.length / 4) : countTokens(text));
  return usage({ freshInput: count(promptOf(exchange)), output: written === '' ? 0 : count(written) });
}

/** Whether an upstream's counts can be what an answer used: every call reads something, and no text is written without tokens. */
export function isPlausible(reported: Usage | null, written: string): boolean {
  return reported !== null && inputTotal(reported) > 0 && (reported.output > 0 || written === '');
}

/** An upstream's counts, with ours where they are missing or too low for what arrived, as those of a stream that broke off are. */
export function completedUsage(reported: Usage | null, counted: Usage): Usage {
  if (reported === null) return counted;
  const input = inputTotal(reported) === 0 ? { freshInput: counted.freshInput } : {};
  return { ...reported, ...input, output: Math.max(reported.output, counted.output) };
}

/** What a model reads of a request; the whole body where it cannot be told apart. */
function promptOf(exchange: Exchange): string {
  try {
    const { request } = codecs[exchange.route.protocol].readRequest(parseBody(exchange.body));
    const tools = request.tools === undefined ? '' : JSON.stringify(request.tools);
    return request.messages.map(textOf).join('\n') + tools;
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error;
    return exchange.body.toString('utf8');
  }
}
