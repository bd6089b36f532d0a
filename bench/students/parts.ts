import type { Json } from '../../src/core/index.ts';
import { complaintFigures } from './complaints.ts';
import { hasSet, SPLITS } from './data.ts';
import { distillationFigures } from './distillation.ts';
import { multilabelFigures, scorerFigures } from './kinds.ts';
import { officialSplit } from './official.ts';
import type { Mode } from './targets.ts';

/** A part of the bench: its name, the folder of its data, and what measures it. Each runs in a process of its own. */
export interface Part {
  readonly name: string;
  readonly folder: string;
  measure(options: PartOptions): Promise<PartResult>;
}

export interface PartOptions {
  readonly data: string;
  /** How often a training is timed. */
  readonly rounds: number;
}

/** What a part found, and which models it scored on whose test rows. */
export interface PartResult {
  readonly figures: Json;
  readonly looks: readonly { readonly set: string; readonly model: string }[];
}

const MODES: readonly Mode[] = ['default', 'quality'];

const without = async (figures: Json | Promise<Json>): Promise<PartResult> => ({ figures: await figures, looks: [] });

export const PARTS: readonly Part[] = [
  ...SPLITS.flatMap((split) =>
    MODES.map((mode) => ({
      name: `${split.name}.${mode}`,
      folder: split.folder,
      measure: async (options: PartOptions) => {
        const { figures, models } = await officialSplit(split, mode, options);
        return { figures, looks: models.map((model) => ({ set: split.name, model })) };
      },
    })),
  ),
  { name: 'complaints', folder: 'cfpb_complaints_14llm', measure: ({ data }) => without(complaintFigures(data)) },
  { name: 'distillation', folder: 'cfpb_complaints_14llm', measure: ({ data }) => without(distillationFigures(data)) },
  { name: 'multilabel', folder: 'nlupp', measure: ({ data }) => without(multilabelFigures(data)) },
  { name: 'scorer', folder: 'snips', measure: ({ data }) => without(scorerFigures(data)) },
];

/** The parts that were asked for (all when none was) and whose data are there. */
export function partsOf(data: string, asked: readonly string[]): readonly Part[] {
  return PARTS.filter(({ name, folder }) => (asked.length === 0 || asked.some((one) => name.startsWith(one))) && hasSet(data, folder));
}
