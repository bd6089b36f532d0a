import { describe, expect, it } from 'vitest';
import { nanoUsd } from '../core/index.ts';
import { ConfigError, parseConfig } from './index.ts';

const yamlOf = (task: string) => `models:
  small: { provider: openai }
  middle: { provider: openai }
  frontier: { provider: openai }
tasks:
  classify:
    output: { kind: label, labels: [billing, refund] }
    ladder: [small, middle, frontier]
${task}`;

const taskOf = (task: string) => parseConfig(yamlOf(task), '/home/me/smallfirst.yaml', {}).tasks.get('classify');

function problems(task: string): readonly string[] {
  try {
    taskOf(task);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ position, message }) => `${position.line}:${position.column} ${message}`);
  }
}

describe("a task's life in traffic", () => {
  it('is live without shadow calls, audits two in a hundred accepted answers and comes in by a canary unless told otherwise', () => {
    expect(taskOf('')).toMatchObject({
      mode: 'live',
      shadow: null,
      audit: { share: 0.02, perDay: null },
      canary: { stages: [0.05, 0.25, 1], audits: 200 },
      method: 'score',
      triage: null,
      golden: null,
      escalationsPerHour: null,
    });
  });

  it('is read with money in nano-dollars, absolute paths and the cheapest model as candidate', () => {
    const task = taskOf(`    mode: shadow
    shadow: { share: 0.25, usdPerDay: 5 }
    audit: { share: 0.05, usdPerDay: 0.5 }
    canary: false
    method: evalue
    triage: ./router
    golden: golden.jsonl
`);
    expect(task).toMatchObject({
      mode: 'shadow',
      shadow: { share: 0.25, perDay: nanoUsd(5), total: null, candidates: ['small'] },
      audit: { share: 0.05, perDay: nanoUsd(0.5) },
      canary: { stages: [] },
      method: 'evalue',
      triage: '/home/me/router',
      golden: '/home/me/golden.jsonl',
    });
  });

  it.each<[string, readonly string[]]>([
    [
      '    mode: shadow\n',
      ['9:11 tasks.classify.mode is shadow, but nothing says what may be asked and spent; add shadow: { share: 0.1 }.'],
    ],
    [
      '    shadow: { candidates: [frontier, smal] }\n',
      [
        '9:28 tasks.classify.shadow.candidates names "frontier", which is no model of its ladder below the ceiling. Known are: small, middle.',
        '9:38 tasks.classify.shadow.candidates names "smal", which is no model of its ladder below the ceiling. Did you mean "small"?',
      ],
    ],
    ['    canary: { stages: [0.5, 0.25, 1] }\n', ['9:23 tasks.classify.canary.stages must rise and end with 1, as in [0.05, 0.25, 1].']],
    ['    canary: { stages: [0.05, 0.5] }\n', ['9:23 tasks.classify.canary.stages must rise and end with 1, as in [0.05, 0.25, 1].']],
  ])('refuses %j and says where', (task, expected) => {
    expect(problems(task)).toEqual(expected);
  });

  it('refuses shadow calls and a triage where the ladder holds the ceiling alone', () => {
    const text = `models: { frontier: { provider: openai } }
tasks:
  one: { output: { kind: text }, ladder: [frontier], shadow: { share: 1 }, triage: here }
`;
    expect(() => parseConfig(text, 'smallfirst.yaml', {})).toThrow(/nobody to ask/);
    expect(() => parseConfig(text, 'smallfirst.yaml', {})).toThrow(/nothing to choose/);
  });
});
