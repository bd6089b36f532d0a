import { contentHash, type Json } from '../core/index.ts';
import type { ModelConfig, TaskConfig } from './types.ts';

/** What a certificate's evidence depends on, as it is now. */
export interface Pinned {
  readonly task: Pick<TaskConfig, 'output'>;
  readonly small: ModelConfig;
  readonly big: ModelConfig;
  /** What pins the small model beyond its name (a student's checksum, a recording's hash); null for a live model. */
  readonly smallVersion: string | null;
}

/** The pins that a config itself gives: both models with their providers, the student's checksum, the kind of answer. */
export function pinsOf({ task, small, big, smallVersion }: Pinned): Readonly<Record<string, string>> {
  return {
    small: whichModel(small),
    big: whichModel(big),
    ...(smallVersion === null ? {} : { 'small.version': smallVersion }),
    output: contentHash(task.output as unknown as Json),
  };
}

/** Provider, name on the wire, and the host where that is not the vendor's own. */
function whichModel({ provider, model, url }: ModelConfig): string {
  return url === null ? `${provider}/${model}` : `${provider}/${model} at ${new URL(url).host}`;
}
