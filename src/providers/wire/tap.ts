import { PlainTap } from './tap-plain.ts';
import { HidingTap, ListeningTap } from './tap-stream.ts';
import type { Tap, TapOptions } from './tap-types.ts';

/**
 * A tap for one answer. It learns usage, reason to stop, served model, fingerprint and, when asked, log-probabilities and text from
 * the bytes that pass; it re-serialises nothing. Bytes that are compressed tell it nothing: ask the upstream for identity.
 */
export function createTap(options: TapOptions): Tap {
  if (!options.stream) return new PlainTap(options);
  const chat = options.protocol === 'openai-chat' || options.protocol === 'openai-completions';
  const hides = (options.hideUsage === true && chat) || (options.hideLogprobs === true && options.protocol !== 'anthropic-messages');
  return hides ? new HidingTap(options) : new ListeningTap(options);
}
