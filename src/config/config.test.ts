import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { located, SmallfirstError } from '../core/index.ts';
import { ConfigError, configJsonSchema, type Known, loadConfig, parseConfig } from './index.ts';

const known: Known = {
  providers: {
    replay: { needs: ['data'], capabilities: ['system', 'streaming', 'logprobs'] },
    student: { needs: ['path'], capabilities: ['system', 'streaming'] },
  },
};

const GOOD = `version: 1
models:
  small: { provider: replay, data: answers.jsonl, model: tiny-1, price: { input: 0.1, output: 0.4 } }
  middle: { provider: replay, data: /abs/answers.jsonl, hardware: { usdPerHour: 0.44, tokensPerSecond: 1246, utilisation: 0.25 } }
  frontier:
    provider: replay
    data: answers.jsonl
    apiKey: "\${API_KEY}"
students:
  triage: { path: ./triage }
tasks:
  classify:
    output: { kind: label, labels: [billing, refund] }
    ladder: [student/triage, small, middle, frontier]
    prompt: "Which? {{input}}"
prices: prices.json
`;

/** The problems that a text has, as lines a person sees. */
function problems(text: string, environment: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(text, 'smallfirst.yaml', environment, known);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => `${problem.position.line}:${problem.position.column} ${problem.message}`);
  }
}

describe('a config', () => {
  it('is read with defaults, absolute paths and variables filled in', () => {
    const config = parseConfig(GOOD, '/home/me/smallfirst.yaml', { API_KEY: 'sk-secret' }, known);
    expect([...config.models.keys()]).toEqual(['small', 'middle', 'frontier', 'student/triage']);
    expect(config.models.get('small')).toEqual({
      name: 'small',
      provider: 'replay',
      model: 'tiny-1',
      tier: 'mid',
      boundary: 'any',
      capabilities: new Set(['system', 'streaming', 'logprobs']),
      contextWindow: null,
      url: null,
      apiKey: null,
      upstream: expect.objectContaining({ keys: [], breaker: true, retries: null }),
      data: '/home/me/answers.jsonl',
      path: null,
      local: null,
      price: { usdPerMillion: { input: 0.1, output: 0.4 } },
      parameters: {},
      trained: null,
      prune: null,
      allowUnpinned: false,
    });
    expect(config.models.get('middle')?.data).toBe('/abs/answers.jsonl');
    expect(config.models.get('frontier')).toMatchObject({ model: 'frontier', tier: 'frontier', apiKey: 'sk-secret', price: null });
    expect(config.models.get('student/triage')).toMatchObject({
      provider: 'student',
      tier: 'small',
      boundary: 'internal',
      path: '/home/me/triage',
      price: { free: true },
    });
    expect(config.tasks.get('classify')).toEqual({
      name: 'classify',
      output: { kind: 'label', labels: ['billing', 'refund'] },
      ladder: ['student/triage', 'small', 'middle', 'frontier'],
      metric: 'exact',
      metricSpec: 'exact',
      floor: { retain: 0.98, level: 0.95 },
      prompt: { system: null, user: 'Which? {{input}}' },
      threshold: null,
      signal: null,
      parameters: {},
      fingerprints: [],
      capture: null,
      mode: 'live',
      shadow: null,
      audit: { share: 0.02, perDay: null },
      canary: { stages: [0.05, 0.25, 1], audits: 200 },
      method: 'score',
      triage: null,
      judge: null,
      golden: null,
      escalationsPerHour: null,
    });
    expect(config.priceFile).toBe('/home/me/prices.json');
    expect(config.prices).toEqual([
      { provider: 'replay', model: 'tiny-1', source: 'the config', usdPerMillion: { input: 0.1, output: 0.4 } },
      {
        provider: 'replay',
        model: 'middle',
        source: 'the config',
        hardware: { usdPerHour: 0.44, tokensPerSecond: 1246, utilisation: 0.25 },
      },
      { provider: 'student', model: 'triage', source: 'the config', free: true },
    ]);
  });

  it('may be empty', () => {
    expect(parseConfig('', 'smallfirst.yaml', {})).toEqual({
      file: 'smallfirst.yaml',
      models: new Map(),
      tasks: new Map(),
      pipelines: new Map(),
      priceFile: null,
      prices: [],
      deprecationFile: null,
      deprecations: [],
      passthrough: { openai: null, anthropic: null },
      keys: [],
      budgets: { teams: new Map(), tasks: new Map() },
      adminToken: null,
      observe: { log: 'info', sample: 1, otel: null },
      capture: { mode: 'off', rate: 1 },
      retention: { bodiesMs: null, callsMs: null },
      upstreams: { allowPrivate: true },
      server: { drainSeconds: 30, pingSeconds: 15, sendTimeoutSeconds: 300, maxConnections: 20_000 },
      store: null,
      allowUnauthenticated: false,
    });
  });

  it('takes YAML anchors and merges', () => {
    const text = 'models:\n  a: &base { provider: replay, data: x }\n  b: { <<: *base, model: other }\n';
    expect(parseConfig(text, '/c/s.yaml', {}, known).models.get('b')).toMatchObject({ data: '/c/x', model: 'other' });
  });

  it('reports everything that is wrong at once, in order of lines', () => {
    const text = `version: 2
models:
  small: { provder: replay }
  big: { provider: reply, data: x }
  free: { provider: replay, data: x, price: { free: true, input: 1 } }
  half: { provider: replay, data: x, price: { input: 1 } }
  both: { provider: replay, data: x, price: { free: true }, hardware: { usdPerHour: 1, tokensPerSecond: 0 } }
  bare: { provider: replay }
tasks:
  t:
    output: { kind: lable }
    ladder: [big]
  u:
    output: { kind: label, labels: [a, b, a] }
    ladder: [bgi, big, big]
    prompt: { user: "Say {{inptu}}" }
    floor: { retain: 98 }
  v:
    ladder: []
    metric: 7
    prompt: no place
  w: { output: { kind: text }, ladder: [big], metric: rogue-l, signal: tokn }
`;
    expect(problems(text)).toEqual([
      '1:10 version must be one of: 1.',
      '3:3 models.small lacks "provider"; add it.',
      '3:12 models.small.provder is not a key of this format. Did you mean "provider"?',
      '4:20 models.big.provider names no provider there is. Did you mean "replay"?',
      '5:38 models.free.price says more than one of free, sameAs and prices; keep one.',
      '6:38 models.half.price lacks "output" (US dollars per million tokens); add it, or write free: true.',
      '7:105 models.both.hardware.tokensPerSecond must be above 0.',
      '8:3 models.bare lacks "data", which the provider replay needs; add it.',
      '11:21 tasks.t.output.kind must be one of: label, json, text.',
      '14:43 tasks.u.output.labels holds "a" twice; keep one.',
      '15:14 tasks.u.ladder names "bgi", which is no model of this file. Did you mean "big"?',
      '15:24 tasks.u.ladder names "big" twice; keep one.',
      '16:21 tasks.u.prompt.user has a placeholder other than {{input}}, which is the only one.',
      '17:22 tasks.u.floor.retain must be at most 1.',
      '18:3 tasks.v lacks "output"; add it.',
      '19:13 tasks.v.ladder must be a list of at least 1.',
      '20:13 tasks.v.metric must be a text (in quotes, when it looks like a number) or a mapping.',
      '21:13 tasks.v.prompt lacks {{input}}, the place of the item; add it.',
      expect.stringMatching(/^22:55 tasks\.w\.metric: .*rouge-l/),
      expect.stringMatching(/^22:72 tasks\.w\.signal must be one of: probability, token/),
    ]);
  });

  it('prints every problem on a line of its own, as editors link it', () => {
    try {
      parseConfig('models: 1\ntask: {}\n', 'dir/s.yaml', {});
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SmallfirstError);
      expect(located(error as SmallfirstError).split('\n')).toEqual([
        'dir/s.yaml:1:9: models must be a mapping.',
        'dir/s.yaml:2:1: task is not a key of this format. Did you mean "tasks"?',
      ]);
    }
  });

  it('says where YAML itself breaks', () => {
    expect(problems('models:\n  a: {provider: replay\n')).toEqual([
      '3:1 The indentation does not fit the lines around it, or a bracket above is not closed.',
    ]);
    expect(problems('models:\n  a: "x\n')[0]).toMatch(/^3:1 A closing quote/);
    expect(problems('models:\n  a: 1\n  a: 2\n')).toEqual(['3:3 This key stands here twice; remove one.']);
    expect(problems('models:\n\ta: 1\n')[0]).toMatch(/^2:1 /);
    expect(problems('a: *nowhere\n')).toEqual(['1:4 This alias names no anchor above it.']);
  });

  it('refuses names that are reserved or no names', () => {
    expect(problems('models:\n  task/x: { provider: replay, data: d }\n  "a b": { provider: replay, data: d }\n')).toEqual([
      '2:3 models.task/x begins with "task/", which is reserved; choose another name.',
      '3:3 models.a b is not a name: use letters, digits and . _ : / -, beginning with a letter or digit.',
    ]);
  });

  it('does not let a key reach the prototype', () => {
    const found = problems(
      'models:\n  __proto__: { provider: replay, data: d }\ntasks:\n  t: { output: { kind: text }, ladder: [toString] }\n',
    );
    expect(found.at(-1)).toMatch(/^4:41 tasks.t.ladder names "toString", which is no model of this file/);
    expect(({} as Record<string, unknown>).provider).toBeUndefined();
  });
});

describe('variables in a config', () => {
  const model = (apiKey: string) => `models:\n  m:\n    provider: replay\n    data: d\n    apiKey: ${apiKey}\n`;
  const keyOf = (text: string, environment: Record<string, string>) =>
    parseConfig(text, 's.yaml', environment, known).models.get('m')?.apiKey;

  it('are filled in after YAML is parsed, so that a value cannot change the structure', () => {
    expect(keyOf(model('"${A}-${B}"'), { A: 'x: [', B: '\n# "' })).toBe('x: [-\n# "');
    expect(keyOf(model('${A}'), { A: '${B}', B: 'not read' })).toBe('${B}');
    expect(keyOf(model('$${A}'), { A: 'not read' })).toBe('${A}');
  });

  it('are an error with line and column when they are unset, all of them at once', () => {
    expect(problems(model('"k-${NOWHERE}-${toString}"'))).toEqual([
      '5:16 The environment variable NOWHERE is not set; set it, or write $${NOWHERE} for the characters themselves.',
      '5:27 The environment variable toString is not set; set it, or write $${toString} for the characters themselves.',
    ]);
    expect(problems(`${model('x')}    url: "\${BASE}/v1"\n`)).toEqual([
      '6:11 The environment variable BASE is not set; set it, or write $${BASE} for the characters themselves.',
    ]);
    expect(problems(model('"a ${b c}"'))).toEqual([
      '5:16 "${" starts a variable here but no NAME} follows; write $${ for the characters themselves.',
    ]);
  });

  it('never show their values, nor does any other error', () => {
    const secret = 'sk-live-0123456789';
    const texts = [
      `models: { m: { provider: "\${S}", data: d, url: "\${S}" } }\ntasks: { t: { output: { kind: text }, ladder: ["\${S}"] } }\n`,
      `models:\n  m: { apiKey: ${secret}, apiKey: ${secret} }\n`,
      `models:\n  m: { apiKey: "${secret}\\q" }\n`,
      `models:\n  m: { apiKey: *${secret} }\n`,
      `models:\n  m: { apiKey: [${secret}], url: "https://u:${secret}@" }\n`,
      `models:\n  m: apiKey: ${secret}\n`,
    ];
    for (const text of texts) {
      const found = problems(text, { S: secret });
      expect(found.length).toBeGreaterThan(0);
      expect(found.join('\n')).not.toContain(secret);
    }
    expect(problems(texts[0] ?? '', { S: secret }).join('\n')).toContain('tasks.t.ladder names "${S}"');
  });
});

describe('a config file', () => {
  it('is loaded from disk, paths relative to it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'config-'));
    const file = join(folder, 'smallfirst.yaml');
    await writeFile(file, GOOD);
    await writeFile(
      join(folder, 'prices.json'),
      '[{"provider": "replay", "model": "frontier", "sameAs": {"provider": "openai", "model": "gpt-4o"}}]',
    );
    const config = await loadConfig(file, { API_KEY: 'k' }, known);
    expect(config.models.get('small')?.data).toBe(join(folder, 'answers.jsonl'));
    expect(config.prices.at(-1)).toEqual({ provider: 'replay', model: 'frontier', sameAs: { provider: 'openai', model: 'gpt-4o' } });
    await writeFile(join(folder, 'prices.json'), '- { provider: a, model: b }\n- { provider: a, modl: b, free: true }\n');
    await expect(loadConfig(file, { API_KEY: 'k' }, known)).rejects.toMatchObject({
      problems: [
        { message: '1 lacks "model"; add it.', position: { line: 2, column: 3 } },
        { message: '1.modl is not a key of this format. Did you mean "model"?', position: { line: 2, column: 18 } },
      ],
    });
  });

  it('that is not there is named', async () => {
    await expect(loadConfig('/nowhere/s.yaml', {})).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: 'No config at /nowhere/s.yaml: there is no such file.',
    });
  });

  it('has a JSON Schema that names every top-level key', () => {
    const schema = configJsonSchema() as { title: string; additionalProperties: boolean; properties: object };
    expect(schema).toMatchObject({ title: 'smallfirst.yaml', additionalProperties: false });
    expect(Object.keys(schema.properties)).toEqual([
      'version',
      'models',
      'students',
      'tasks',
      'pipelines',
      'prices',
      'deprecations',
      'allowUnpinned',
      'passthrough',
      'keys',
      'budgets',
      'admin',
      'log',
      'otel',
      'capture',
      'retention',
      'store',
      'upstreams',
      'server',
      'allowUnauthenticated',
    ]);
  });

  it('lets a prompt template belong to one task only', () => {
    const hash = 'ab'.repeat(32);
    const text = [
      'models: { m: { provider: replay, data: a.jsonl } }',
      'tasks:',
      `  a: { output: { kind: text }, ladder: [m], fingerprints: [${hash}] }`,
      `  b: { output: { kind: text }, ladder: [m], fingerprints: [${hash}] }`,
    ].join('\n');
    expect(() => parseConfig(text, 'c.yaml', {})).toThrow('tasks.b.fingerprints holds a template that tasks.a lists already');
    const one = parseConfig(text.split('\n').slice(0, 3).join('\n'), 'c.yaml', {});
    expect(one.tasks.get('a')?.fingerprints).toEqual([hash]);
    expect(() => parseConfig(text.replaceAll(hash, 'abc'), 'c.yaml', {})).toThrow('tasks.a.fingerprints.0');
  });
});
