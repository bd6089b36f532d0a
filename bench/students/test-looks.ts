/** How often a set's test rows were scored by different models. Scoring the very same file again is no new look. */
export interface TestLooks {
  readonly count: number;
  /** SHA-256 of every model file that is counted since files are named. */
  readonly models: readonly string[];
}

/** Looks before models were named: those of the first student's recipe, and one of CLINC150 by a run that was broken off before it told anything. */
const BEFORE: Readonly<Record<string, number>> = { banking77: 3, clinc150: 2 };

/** Adds a look for a model that the set was not scored with before. */
export function look(before: Readonly<Record<string, TestLooks>>, set: string, model: string): Readonly<Record<string, TestLooks>> {
  const known = before[set] ?? { count: BEFORE[set] ?? 0, models: [] };
  if (known.models.includes(model)) return before;
  return { ...before, [set]: { count: known.count + 1, models: [...known.models, model] } };
}
