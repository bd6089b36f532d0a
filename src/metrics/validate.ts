import { normaliseLabel, type Output, parseJsonAnswer, type Validation } from '../core/index.ts';
import { schemaCheck } from './json-schema.ts';

/**
 * Whether a text is an answer of the declared kind: one of the labels, JSON that its schema allows, or text that is not empty. The
 * value is what the caller may use. Throws CONFIG_INVALID when the output's own schema is unusable.
 */
export function validateOutput(text: string, output: Output): Validation {
  switch (output.kind) {
    case 'label': {
      const label = normaliseLabel(text, output.labels);
      if (label !== null) return { valid: true, value: label, why: null };
      return invalid(`not one of the ${output.labels.length} labels: ${excerpt(text)}`);
    }
    case 'json': {
      const parsed = parseJsonAnswer(text);
      if (!parsed.ok) return invalid(parsed.why);
      const problem = schemaCheck(output.schema)(parsed.value);
      return problem === null ? { valid: true, value: parsed.value, why: null } : invalid(problem);
    }
    case 'text':
      return text.trim() === '' ? invalid('the answer is empty') : { valid: true, value: text, why: null };
  }
}

/** The start of a text, quoted, for messages. */
export function excerpt(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}

function invalid(why: string): Validation {
  return { valid: false, value: null, why };
}
