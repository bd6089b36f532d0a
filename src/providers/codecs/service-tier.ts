import { serviceTierOf } from '../../pricing/index.ts';
import type { JsonObject } from './types.ts';

const openai: Readonly<Record<string, string>> = { default: 'default', flex: 'flex', priority: 'priority' };
const anthropic: Readonly<Record<string, string>> = { default: 'standard', priority: 'priority', batch: 'batch' };

/** The served tier as a member to spread, in the words of the client's vendor; nothing for a tier that it has no word for. */
export function tierMember(vendor: 'openai' | 'anthropic', served: string | undefined): JsonObject {
  if (served === undefined) return {};
  const word = (vendor === 'openai' ? openai : anthropic)[serviceTierOf(served) ?? ''];
  return word === undefined ? {} : { service_tier: word };
}
