import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelConfig } from '../../config/index.ts';
import { writeAtomically } from '../../student/index.ts';
import type { ProbedModel } from './probe-model.ts';
import { PROBED, type Probed, type Sight } from './probe-requests.ts';

const FILE = 'probes.json';

/** What is kept of a model's last probe: what it was, and what was seen. */
export interface KeptProbe {
  readonly provider: string;
  readonly model: string;
  readonly url: string | null;
  readonly at: string;
  readonly observed: Readonly<Record<Probed, Sight['seen']>>;
}

/** Keeps what was seen of models that answered, over what was kept of them before. Needs no lock: a gateway may be running. */
export async function keepProbes(dataDir: string, probed: readonly ProbedModel[]): Promise<void> {
  const kept = new Map(await readProbes(dataDir));
  for (const { name, provider, model, url, at, reachable, observed } of probed) {
    if (!reachable) continue;
    const sights = Object.fromEntries(PROBED.map((shows) => [shows, observed[shows].seen])) as KeptProbe['observed'];
    kept.set(name, { provider, model, url, at, observed: sights });
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeAtomically(join(dataDir, FILE), `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
}

/** Probes by model; none where the file is not there or cannot be read: a model that was probed is only probed again. */
export async function readProbes(dataDir: string): Promise<ReadonlyMap<string, KeptProbe>> {
  try {
    return new Map(Object.entries(JSON.parse(await readFile(join(dataDir, FILE), 'utf8')) as Record<string, KeptProbe>));
  } catch {
    return new Map();
  }
}

/** The kept probe of a model as the config has it now; null for one that was never probed, or was another model then. */
export function probeOf(model: ModelConfig, kept: ReadonlyMap<string, KeptProbe>): KeptProbe | null {
  const probe = kept.get(model.name);
  const isSame = probe !== undefined && probe.provider === model.provider && probe.model === model.model && probe.url === model.url;
  return isSame ? probe : null;
}
