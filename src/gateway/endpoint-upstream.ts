import type { Upstream } from '../providers/index.ts';
import type { Family } from './parties.ts';
import type { Directory } from './types.ts';

/** Who is asked about something: the upstream that keeps it, as far as it is still there, else the one for everything; null for nobody. */
export function endpointUpstream(directory: Directory, family: Family, name: string | null): Upstream | null {
  const keeper = name === null ? null : (directory.models.get(name)?.upstream ?? null);
  return keeper ?? directory.endpoints(family)?.upstream ?? null;
}
