import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from './index.ts';

const HASH = `sha256:${'0123456789abcdef'.repeat(4)}`;

/** The problems that a text has, as lines a person sees. */
function problems(text: string): readonly string[] {
  try {
    parseConfig(text, 'smallfirst.yaml', {});
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => `${problem.position.line}:${problem.position.column} ${problem.message}`);
  }
}

describe('what a config says about serving', () => {
  it('keeps no text unless told to, everything for good unless told otherwise, and takes both per task and in days or hours', () => {
    expect(parseConfig('', 'smallfirst.yaml', {})).toMatchObject({
      capture: { mode: 'off', rate: 1 },
      retention: { bodiesMs: null, callsMs: null },
    });
    const models = 'models: { m: { provider: openai, model: x } }\n';
    const task =
      'tasks: { t: { output: { kind: text }, ladder: [m], capture: { mode: full } }, u: { output: { kind: text }, ladder: [m] } }\n';
    const rest = 'capture: { mode: redacted, rate: 0.25 }\nretention: { bodies: 36h, calls: 400d }\n';
    const config = parseConfig(models + task + rest, 'smallfirst.yaml', {});
    expect(config.capture).toEqual({ mode: 'redacted', rate: 0.25 });
    expect([config.tasks.get('t')?.capture, config.tasks.get('u')?.capture]).toEqual([{ mode: 'full', rate: 1 }, null]);
    expect(config.retention).toEqual({ bodiesMs: 36 * 3_600_000, callsMs: 400 * 86_400_000 });
    expect(problems('retention: { bodies: 30 days }')).toEqual([expect.stringContaining('1:22 ')]);
    expect(problems('retention: { calls: 0d }')).toHaveLength(1);
    expect(problems('capture: { mode: some }')).toHaveLength(1);
    expect(problems('capture: { mode: full, rate: 1.5 }')).toHaveLength(1);
  });

  it('keeps the record in the data directory unless it names a PostgreSQL database', () => {
    const at = (store: string) => parseConfig(`store: ${store}`, 'smallfirst.yaml', { DB: 'postgres://u:secret@db.example:5433/x' }).store;
    expect(parseConfig('', 'smallfirst.yaml', {}).store).toBeNull();
    expect(at('{ url: "${DB}" }')).toEqual({ url: 'postgres://u:secret@db.example:5433/x', schema: null });
    expect(at('{ url: "postgresql://db/x", schema: smallfirst }')).toEqual({ url: 'postgresql://db/x', schema: 'smallfirst' });
    expect(problems('store: { url: "mysql://db/x" }')).toEqual([expect.stringContaining('1:15 ')]);
    expect(problems('store: { url: "postgres://db/x", schema: "a;b" }')).toHaveLength(1);
    expect(problems('store: { schema: a }')).toHaveLength(1);
  });

  it('is read with its variables filled in and its defaults', () => {
    const text = `passthrough:
  openai: { url: http://127.0.0.1:4999/v1 }
  anthropic: { url: https://api.example.com, apiKey: "\${KEY}" }
keys:
  - { name: ci, key: "${HASH}", team: platform, models: [m], tasks: [t], budget: { day: 5 }, caps: { costUsd: 0.5 }, passthrough: true, expires: 2026-12-01 }
  - { name: me, key: "\${MINE}" }
upstreams: { allowPrivate: false }
server: { drainSeconds: 5 }
allowUnauthenticated: true
`;
    const config = parseConfig(text, 'smallfirst.yaml', { KEY: 'sk-secret', MINE: 'my-own-key' });
    expect(config).toMatchObject({
      passthrough: {
        openai: { url: 'http://127.0.0.1:4999/v1', apiKey: null },
        anthropic: { url: 'https://api.example.com', apiKey: 'sk-secret' },
      },
      upstreams: { allowPrivate: false },
      server: { drainSeconds: 5, pingSeconds: 15, sendTimeoutSeconds: 300, maxConnections: 20_000 },
      allowUnauthenticated: true,
    });
    expect(config.keys).toEqual([
      {
        name: 'ci',
        key: HASH,
        team: 'platform',
        models: ['m'],
        tasks: ['t'],
        budget: { day: 5_000_000_000, month: null },
        caps: { inputTokens: null, outputTokens: null, cost: 500_000_000 },
        passthrough: true,
        expiresAt: Date.UTC(2026, 11, 1),
      },
      {
        name: 'me',
        key: 'my-own-key',
        team: null,
        models: null,
        tasks: null,
        budget: null,
        caps: { inputTokens: null, outputTokens: null, cost: null },
        passthrough: false,
        expiresAt: null,
      },
    ]);
  });

  it('says what teams and tasks may spend, who administers and what is logged', () => {
    const text = `tasks: { t: { output: { kind: text }, ladder: [m] } }
models: { m: { provider: replay, data: d } }
budgets: { teams: { care: { month: 100 } }, tasks: { t: { day: 0.25 } } }
admin: { token: "\${TOKEN}" }
log: { level: warn, sample: 0.1 }
otel: { url: http://127.0.0.1:4318/v1/traces }
`;
    const config = parseConfig(text, 'smallfirst.yaml', { TOKEN: 'a-token-that-is-long' });
    expect(config.budgets).toEqual({
      teams: new Map([['care', { day: null, month: 100_000_000_000 }]]),
      tasks: new Map([['t', { day: 250_000_000, month: null }]]),
    });
    expect(config.adminToken).toBe('a-token-that-is-long');
    expect(config.observe).toEqual({
      log: 'warn',
      sample: 0.1,
      otel: { url: 'http://127.0.0.1:4318/v1/traces', headers: {}, sample: 1 },
    });
  });

  it('gives budgets to tasks of the file only', () => {
    expect(
      problems(
        'budgets: { tasks: { classfy: { day: 1 } } }\ntasks: { classify: { output: { kind: text }, ladder: [m] } }\nmodels: { m: { provider: replay, data: d } }\n',
      ),
    ).toEqual(['1:21 budgets.tasks.classfy names no task of this file. Did you mean "classify"?']);
  });

  it('must name keys apart, and never shows one', () => {
    const text = 'keys:\n  - { name: a, key: secret-one }\n  - { name: a, key: secret-one }\n  - { name: b, key: "sha256:12" }\n';
    expect(problems(text)).toEqual([
      '3:13 keys.1.name stands here twice; give each key a name of its own.',
      '3:21 keys.1.key is the same as a key above it; remove one.',
      '4:21 keys.2.key must have 64 hexadecimal digits after sha256:.',
    ]);
  });

  it('says how long a text must be, and never what it is', () => {
    const long = 'n'.repeat(129);
    const text = `admin: { token: short }\nkeys:\n  - { name: a, key: abc }\n  - { name: "", key: "" }\n  - { name: ${long}, key: long-enough }\n`;
    expect(problems(text)).toEqual([
      '1:17 admin.token must be at least 16 characters long.',
      '3:21 keys.0.key must be at least 8 characters long.',
      '4:13 keys.1.name must be filled in, not empty.',
      '4:22 keys.1.key must be at least 8 characters long.',
      '5:13 keys.2.name must be at most 128 characters long.',
    ]);
  });
});
