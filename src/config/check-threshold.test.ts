import { describe, expect, it } from 'vitest';
import { providers } from '../providers/index.ts';
import { ConfigError, parseConfig } from './index.ts';

const configOf = (output: string, rest: string) => `models:
  gpt: { provider: openai }
  claude: { provider: anthropic }
  quiet: { provider: vllm, url: "http://127.0.0.1:1/v1", capabilities: [system] }
  tape: { provider: replay, data: tape.jsonl }
  big: { provider: openai }
students:
  bert: { path: bert }
tasks:
  t:
    output: ${output}
    ${rest.replaceAll('; ', '\n    ')}
`;
const LABEL = '{ kind: label, labels: [a, b] }';
const TEXT = '{ kind: text }';
const JSON_OUTPUT = '{ kind: json }';

function problems(output: string, rest: string): readonly string[] {
  try {
    parseConfig(configOf(output, rest), '/home/me/smallfirst.yaml', {}, { providers });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ position, message }) => `${position.line}:${position.column} ${message}`);
  }
}

describe('a threshold that no answer can meet', () => {
  const begins = '12:16 tasks.t.threshold can never be met, so that every request would pay for two models:';
  const certify = 'remove the threshold and certify the task instead.';
  it.each([
    [
      TEXT,
      'threshold: 0.5; ladder: [gpt, big]',
      `a text has no deciding token to be sure of; write signal: valid to accept every text that is not empty, or ${certify}`,
    ],
    [
      TEXT,
      'threshold: 0.5; ladder: [gpt, big]; signal: token',
      `a text has no deciding token to be sure of; write signal: valid to accept every text that is not empty, or ${certify}`,
    ],
    [
      LABEL,
      'threshold: 0.5; ladder: [claude, quiet, big]',
      `claude, quiet gives no log-probabilities; write signal: valid to accept every valid answer, or ${certify}`,
    ],
    [
      JSON_OUTPUT,
      'threshold: 0.5; ladder: [gpt, big]; signal: min-logprob',
      `min-logprob is a logarithm, which is never above 0; write signal: token for labels and JSON, or ${certify}`,
    ],
    [LABEL, 'threshold: 0.5; ladder: [gpt, big]; signal: stated', `gpt tells no stated with a live answer; ${certify}`],
    [LABEL, 'threshold: 0.5; ladder: [gpt, big]; signal: agreement', `gpt tells no agreement with a live answer; ${certify}`],
  ])('is refused with its place and what to do instead: %s with %s', (output, rest, message) => {
    expect(problems(output, rest)).toEqual([`${begins} ${message}`]);
  });

  it.each([
    [LABEL, 'threshold: 0.5; ladder: [gpt, big]'],
    [JSON_OUTPUT, 'threshold: 0.5; ladder: [gpt, big]; signal: margin'],
    [LABEL, 'threshold: 0.5; ladder: [claude, gpt, big]'],
    [LABEL, 'threshold: 0.5; ladder: [student/bert, big]'],
    [LABEL, 'threshold: 0.5; ladder: [student/bert, big]; signal: probability'],
    [TEXT, 'threshold: 0.5; ladder: [tape, big]'],
    [TEXT, 'threshold: 0.5; ladder: [gpt, big]; signal: valid'],
    [TEXT, 'threshold: 0; ladder: [gpt, big]'],
    [TEXT, 'threshold: 0.5; ladder: [big]'],
  ])('is not one that some answer can: %s with %s', (output, rest) => {
    expect(problems(output, rest)).toEqual([]);
  });
});
