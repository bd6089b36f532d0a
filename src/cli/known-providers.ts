import type { Known } from '../config/index.ts';
import { providers, refusedUrl, type Vendor, vendors } from '../providers/index.ts';

/** Every provider that a config may name: those in this process, and those over HTTP. */
export function knownProviders(): NonNullable<Known['providers']> {
  const rows: Readonly<Record<string, Vendor>> = vendors;
  const live = Object.entries(rows).map(([name, { url, capabilities }]) => [
    name,
    { needs: url === null ? (['url'] as const) : [], capabilities },
  ]);
  return { ...Object.fromEntries(live), ...providers };
}

/** What a config is checked against whose models are called: those providers, and URLs that may be called. */
export function knownUpstreams(): Known {
  return { providers: knownProviders(), refusedUrl };
}
