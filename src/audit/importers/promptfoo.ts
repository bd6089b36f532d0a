import { hintsOf, taskName } from '../hints.ts';
import { draftOf, type Importer, NOT_COUNTED, skip } from '../import-types.ts';
import { readMessages } from '../request-body.ts';
import { usageOfTool } from '../token-counts.ts';
import {
  dollarsOf,
  firstNumber,
  firstText,
  isYes,
  type JsonRecord,
  jsonOf,
  listOf,
  objectOf,
  shortError,
  textOf,
  timeOf,
  unpacked,
} from '../values.ts';

/** promptfoo's results: an element of `results.results` of its JSON, or a line of its JSONL. */
export const promptfoo: Importer = {
  source: 'promptfoo',
  title: 'promptfoo results',
  matches: (row) =>
    'provider' in row && 'prompt' in row && ('gradingResult' in row || 'namedScores' in row || 'testIdx' in row || 'success' in row),
  read(row) {
    const provider = firstText(objectOf(row.provider), 'id') ?? textOf(row.provider);
    if (provider === null || !('prompt' in row)) return skip('not a result of promptfoo');
    const response = objectOf(row.response);
    const said = promptOf(row.prompt);
    const output = response?.output;
    const error = shortError(response?.error) ?? (row.failureReason === 2 || output === undefined ? shortError(row.error) : null);
    const [vendor, model] = providerOf(provider);
    const config = objectOf(objectOf(row.provider)?.config);
    const told = hintsOf(objectOf(row.metadata), objectOf(objectOf(row.testCase)?.metadata));
    return {
      kind: 'call',
      draft: draftOf({
        callId: textOf(row.id),
        identity: textOf(row.id),
        at: timeOf(row.createdAt ?? row.timestamp),
        provider: vendor,
        model,
        ...countsOf(objectOf(response?.tokenUsage) ?? objectOf(row.tokenUsage)),
        reportedCost: dollarsOf(row.cost ?? response?.cost),
        latencyMs: firstNumber(row, 'latencyMs'),
        // Its own cache of answers: nobody charged for it.
        status: isYes(response?.cached) ? 'cached' : error === null ? 'ok' : 'error',
        error,
        hints: { ...told, promptName: told.promptName ?? labelOf(row.prompt) },
        system: said.system,
        userTexts: said.userTexts,
        responseFormat: jsonOf(config?.response_format),
        output: typeof output === 'string' ? output : objectOf(output) === null ? null : JSON.stringify(output),
        finish: firstText(response, 'finishReason'),
        params: { temperature: firstNumber(config, 'temperature'), maxTokens: firstNumber(config, 'max_tokens', 'max_completion_tokens') },
      }),
    };
  },
};

/** `openai:chat:gpt-4o-mini`, `anthropic:messages:claude-…`, `openrouter:meta-llama/…`: the vendor first, the model last. */
function providerOf(id: string): readonly [string | null, string] {
  const parts = id.split(':');
  if (parts.length === 1) return [null, id];
  const kinds = new Set(['chat', 'completion', 'messages', 'responses', 'embedding', 'embeddings', 'deployment', 'completions']);
  const from = parts.length > 2 && kinds.has(parts[1] ?? '') ? 2 : 1;
  return [parts[0] ?? null, parts.slice(from).join(':')];
}

function promptOf(prompt: unknown) {
  const raw = unpacked(firstText(objectOf(prompt), 'raw') ?? prompt);
  return readMessages(typeof raw === 'string' ? [raw] : listOf(objectOf(raw)?.messages ?? raw));
}

/** A label is a name only where somebody gave one: else it is the prompt itself, or `file.txt: text`. */
function labelOf(prompt: unknown): string | null {
  const label = firstText(objectOf(prompt), 'label');
  return label === null || label === firstText(objectOf(prompt), 'raw') || label.length > 80 || /[\n:{]/.test(label)
    ? null
    : taskName(label);
}

/** `cached` counts tokens of promptfoo's own cache of answers, not of the vendor's prompt cache: that is under `completionDetails`. */
function countsOf(usage: JsonRecord | null) {
  if (usage === null) return NOT_COUNTED;
  const details = objectOf(usage.completionDetails);
  const counts = {
    input: firstNumber(usage, 'prompt'),
    output: firstNumber(usage, 'completion'),
    cacheRead: firstNumber(details, 'cacheReadInputTokens'),
    cacheWrite5m: firstNumber(details, 'cacheCreationInputTokens'),
    reasoning: firstNumber(details, 'reasoning'),
    total: firstNumber(usage, 'total'),
  };
  return (counts.input ?? 0) + (counts.output ?? 0) === 0 ? NOT_COUNTED : usageOfTool(counts, { cache: 'inside', reasoning: 'inside' });
}
