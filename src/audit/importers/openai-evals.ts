import { type Importer, skip } from '../import-types.ts';
import { readMessages } from '../request-body.ts';
import { firstText, type JsonRecord, listOf, objectOf, textOf } from '../values.ts';

/** OpenAI's `/v1/evals`: definitions of tasks with their testing criteria. They hold no calls. */
export const openaiEvals: Importer = {
  source: 'openai-evals',
  title: 'OpenAI eval definitions',
  matches: (row) => row.object === 'eval' || ('testing_criteria' in row && 'data_source_config' in row),
  read(row) {
    const id = textOf(row.id);
    if (id === null || !Array.isArray(row.testing_criteria)) return skip('not the definition of an eval');
    const criteria = row.testing_criteria.map(objectOf).filter((item) => item !== null);
    const graders = criteria.map((item) => textOf(item.type) ?? 'unknown');
    const labels = [...new Set(criteria.flatMap((item) => listOf(item.labels)).filter((label) => typeof label === 'string'))];
    return { kind: 'definition', definition: { id, name: nameOf(row, id), ...promptOf(criteria), graders, labels } };
  },
};

function nameOf(row: JsonRecord, id: string): string {
  const metadata = objectOf(objectOf(row.data_source_config)?.metadata);
  return textOf(row.name) ?? firstText(metadata, 'task', 'usecase', 'use_case') ?? id;
}

/** The messages of a grader are the only prompt that an eval's definition holds. */
function promptOf(criteria: readonly JsonRecord[]): { readonly system: string | null; readonly user: string | null } {
  for (const item of criteria) {
    if (!Array.isArray(item.input)) continue;
    const said = readMessages(item.input);
    return { system: said.system, user: said.userTexts[0] ?? null };
  }
  return { system: null, user: null };
}
