import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from './index.ts';

const HEAD = `models:
  small: { provider: openai, model: s-1, url: "http://127.0.0.1:9/v1", apiKey: k }
  frontier: { provider: openai, model: f-1, url: "http://127.0.0.1:9/v1", apiKey: k }
tasks:
  classify: { output: { kind: label, labels: [billing, shipping] }, ladder: [small, frontier] }
  extract:
    output: { kind: json, schema: { type: object, properties: { items: { type: array }, total: { type: number } } } }
    ladder: [frontier]
  reply: { output: { kind: text }, ladder: [small, frontier] }
pipelines:
  support:
    steps:
`;

const parse = (steps: string) => parseConfig(`${HEAD}${steps}`, 'smallfirst.yaml', {});

function problemsOf(steps: string): readonly string[] {
  try {
    parse(steps);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ message, position }) => `${position.line}:${position.column} ${message}`);
  }
  return [];
}

describe('pipelines in the config', () => {
  it('are read whole: the article’s, with conditions and a polish', () => {
    const { pipelines } = parse(`      - { step: classify, task: classify }
      - { step: extract, task: extract, when: 'classify.label == "billing"', onFailure: continue }
      - { step: draft, task: reply, model: small, input: "{{ input.text }} ({{ classify.label }}, {{ extract.output.total }})" }
      - { step: polish, task: reply, model: frontier, when: "request.customerFacing || draft.confidence < draft.threshold" }
`);
    const support = pipelines.get('support');
    expect(support?.steps.map(({ name, task, model, onFailure }) => [name, task, model, onFailure])).toEqual([
      ['classify', 'classify', null, 'stop'],
      ['extract', 'extract', null, 'continue'],
      ['draft', 'reply', 'small', 'stop'],
      ['polish', 'reply', 'frontier', 'stop'],
    ]);
    const polish = support?.steps[3]?.when;
    expect(polish?.evaluate({ request: { customerFacing: false }, input: {}, steps: { draft: { confidence: 0.9, threshold: 0.8 } } })).toBe(
      false,
    );
    expect(polish?.evaluate({ request: { customerFacing: false }, input: {}, steps: { draft: {} } })).toBe(true);
  });

  it('have branches whose steps do not see each other, and a join that sees all', () => {
    const branches = `      - parallel:
          - - { step: a, task: classify }
          - - { step: b, task: reply }
`;
    expect(problemsOf(`${branches}      - { step: c, task: reply, input: "{{ a.label }} {{ b.output }}" }\n`)).toEqual([]);
    expect(problemsOf(branches.replace('step: b, task: reply', 'step: b, task: reply, input: "{{ a.label }}"'))).toEqual([
      '15:46 pipelines.support.steps.0.parallel.1.0.input: "a" has not run when this is read: it comes later, or in another branch.',
    ]);
    expect(problemsOf(branches.replace('step: b', 'step: a'))).toEqual([
      '15:23 pipelines.support.steps.0.parallel.1.0.step: the step "a" stands here twice; choose another name.',
    ]);
  });

  it.each([
    [
      'an unknown task',
      '- { step: a, task: clasify }',
      '13:26 pipelines.support.steps.0.task: "clasify" is no task of this file. Did you mean "classify"?',
    ],
    [
      'an unknown model',
      '- { step: a, task: reply, model: smal }',
      '13:40 pipelines.support.steps.0.model: "smal" is no model of this file. Did you mean "small"?',
    ],
    [
      'a controller with a model of its own',
      '- { step: a, model: small, controller: { model: frontier, tasks: [reply] } }',
      '13:20 pipelines.support.steps.0.model: a controller’s tasks answer by their own ladders; remove model.',
    ],
    [
      'instructions that read a step',
      '- { step: a, controller: { model: frontier, tasks: [reply], instructions: "{{ b.output }}" } }',
      '13:81 pipelines.support.steps.0.controller.instructions: "b" is no step of this pipeline.',
    ],
    ['no task', '- { step: a }', '13:9 pipelines.support.steps.0: the step "a" lacks "task", or a "controller"; add one.'],
    [
      'a name of another meaning',
      '- { step: request, task: reply }',
      '13:17 pipelines.support.steps.0.step: "request" means something else in conditions and templates; choose another name.',
    ],
    [
      'a bad name',
      '- { step: Draft, task: reply }',
      '13:17 pipelines.support.steps.0.step must be in the format that docs/reference/config.md shows.',
    ],
    [
      'an unknown step',
      '- { step: a, task: reply, when: "drat.confidence > 0.5" }',
      '13:40 pipelines.support.steps.0.when: "drat" is no step of this pipeline. Known are: request, input, a.',
    ],
    [
      'a condition that is no truth',
      '- { step: a, task: reply, when: "1 + 1" }',
      '13:40 pipelines.support.steps.0.when: a condition must be true or false, and this one gives an int.',
    ],
    [
      'a step that is never reached',
      '- { step: a, task: reply, when: "1 > 2" }',
      '13:39 pipelines.support.steps.0.when: this is never true, so the step can never be reached; remove one of them.',
    ],
    [
      'a filter that is not there',
      '- { step: a, task: reply, input: "{{ input.text | shout }}" }',
      '13:41 pipelines.support.steps.0.input: undefined filter: shout.',
    ],
    [
      'an item without a list',
      '- { step: a, task: reply, input: "{{ item }}" }',
      '13:40 pipelines.support.steps.0.input: "item" is there only in the input of a step with forEach.',
    ],
    ['a misspelt key', '- { step: a, task: reply, wen: "true" }', 'wen'],
    [
      'a model and a ladder',
      '- { step: a, task: reply, model: small, ladder: [small] }',
      'a step has either a model or a ladder; keep one.',
    ],
  ])('are refused with %s, at its place', (_, step, message) => {
    const found = problemsOf(`      ${step}\n`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  it.each([
    ['classify.label == "biling"', 'classify has no label "biling". Did you mean "billing"?'],
    ['classify.label in ["shipping", "billng"]', 'classify has no label "billng". Did you mean "billing"?'],
    ['classify.confidence == "high"', 'no such overload: double == string.'],
    ['classify.labels == "billing"', 'a step has no "labels"; it has output, confidence, threshold, label.'],
    ['extract.output.sum > 3', 'extract.output has no "sum"; its schema has items, total.'],
    ['extract.label == "x"', 'extract.label is always empty: extract gives JSON; use extract.output.'],
    ['classify.output.name == "x"', 'classify.output is a label, which has no "name".'],
    ['last.confidence > 0.1', '"last" has not run when this is read: it comes later, or in another branch.'],
  ])('know what steps give: %s', (when, message) => {
    const found = problemsOf(`      - { step: classify, task: classify }
      - { step: extract, task: extract }
      - { step: use, task: reply, when: '${when}' }
      - { step: last, task: reply }
`);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
    expect(found[0]).toMatch(/^15:/);
  });

  it('name the circle that steps go round in', () => {
    expect(
      problemsOf(`      - { step: a, task: reply, input: "{{ b.output }}" }
      - { step: b, task: reply, input: "{{ a.output }}" }
`),
    ).toEqual(['13:40 pipelines.support.steps.0.input: the steps go round in a circle: a → b → a.']);
  });

  it('fan out over lists only', () => {
    const extract = '      - { step: extract, task: extract }\n      - { step: classify, task: classify }\n';
    expect(
      problemsOf(`${extract}      - { step: each, task: reply, forEach: extract.output.items, input: "{{ index }}: {{ item.name }}" }\n`),
    ).toEqual([]);
    expect(problemsOf(`${extract}      - { step: each, task: reply, forEach: classify.output }\n`)[0]).toContain(
      'a step fans out over a list, and classify gives a label.',
    );
  });

  it('are told with everything else that is wrong', () => {
    const text = `${HEAD}      - { step: a, task: nope }\n`.replace('model: f-1', 'modle: f-1');
    try {
      parseConfig(text, 'smallfirst.yaml', {});
      expect.unreachable();
    } catch (error) {
      const messages = (error as ConfigError).problems.map(({ message }) => message).join('\n');
      expect(messages).toContain('modle');
      expect(messages).toContain('"nope" is no task of this file');
    }
  });
});
