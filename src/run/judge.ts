import type { Answer, ModelRequest, Output, Validation } from '../core/index.ts';
import type { AttemptResult } from '../policy/index.ts';

/** What an answer that came to its end is worth. */
export interface Judgement {
  readonly result: AttemptResult;
  readonly validation: Validation;
}

/**
 * Whether an answer is whole and of the declared kind. A refusal or a filter counts as refused and the length limit as truncated,
 * before validity is looked at. An answer that calls tools is a turn of its own: valid when every call names an offered tool with
 * arguments that are JSON. Otherwise `validate` decides; a text must not be empty.
 */
export function judge(
  answer: Answer,
  request: ModelRequest,
  output: Output,
  validate: (text: string, output: Output) => Validation,
): Judgement {
  if (answer.refusal !== null || answer.stop === 'refusal') return unfit('refused', 'the model refused');
  if (answer.stop === 'content-filter') return unfit('refused', 'the answer was filtered');
  if (answer.stop === 'length') return unfit('truncated', 'the answer reached its length limit');
  if (answer.stop === 'cut') return unfit('failed', 'the answer broke off');
  if (answer.toolCalls.length > 0) {
    const flaw = toolFlaw(answer, request);
    if (flaw !== null) return unfit('invalid', flaw);
    return { result: 'complete', validation: { valid: true, value: answer.text, why: null } };
  }
  if (output.kind === 'text' && answer.text.trim() === '') return unfit('invalid', 'the answer is empty');
  const validation = validate(answer.text, output);
  return { result: validation.valid ? 'complete' : 'invalid', validation };
}

function unfit(result: AttemptResult, why: string): Judgement {
  return { result, validation: { valid: false, value: null, why } };
}

function toolFlaw(answer: Answer, request: ModelRequest): string | null {
  const offered = new Set(request.tools?.map(({ name }) => name));
  for (const call of answer.toolCalls) {
    if (!offered.has(call.name)) return `the answer calls ${JSON.stringify(call.name)}, which was not offered`;
    // A tool without parameters is called with nothing at all by some models.
    if (call.arguments.trim() !== '' && !isJson(call.arguments)) return `the arguments for ${call.name} are not JSON`;
  }
  return null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
