import { nanoUsd } from '../core/index.ts';
import type { Problem } from './config-error.ts';
import type { RawConfig } from './schema.ts';
import type { Source } from './source.ts';
import { storeOf } from './store.ts';
import { suggestion } from './suggest.ts';
import type { BudgetConfig, PassthroughConfig, ServingConfig } from './types.ts';

/** What a config says about serving, with defaults filled in. */
export function buildServing(raw: RawConfig): ServingConfig {
  return {
    passthrough: { openai: upstreamAt(raw.passthrough?.openai), anthropic: upstreamAt(raw.passthrough?.anthropic) },
    keys: raw.keys.map((key) => ({
      name: key.name,
      key: key.key,
      team: key.team ?? null,
      tasks: key.tasks ?? null,
      models: key.models ?? null,
      budget: key.budget ? budgetOf(key.budget) : null,
      caps: {
        inputTokens: key.caps?.inputTokens ?? null,
        outputTokens: key.caps?.outputTokens ?? null,
        cost: key.caps?.costUsd === undefined ? null : nanoUsd(key.caps.costUsd),
      },
      passthrough: key.passthrough,
      expiresAt: key.expires === undefined ? null : Date.parse(key.expires),
    })),
    budgets: { teams: budgetsOf(raw.budgets.teams), tasks: budgetsOf(raw.budgets.tasks) },
    adminToken: raw.admin?.token ?? null,
    observe: { log: raw.log.level, sample: raw.log.sample, otel: raw.otel ?? null },
    capture: raw.capture,
    retention: { bodiesMs: durationOf(raw.retention.bodies), callsMs: durationOf(raw.retention.calls) },
    store: storeOf(raw.store),
    upstreams: raw.upstreams,
    server: raw.server,
    allowUnauthenticated: raw.allowUnauthenticated,
  };
}

function upstreamAt(raw: NonNullable<RawConfig['passthrough']>['openai']): PassthroughConfig | null {
  return raw ? { url: raw.url, apiKey: raw.apiKey ?? null } : null;
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000 };

/** Hours or days, as the schema lets them through, in milliseconds. */
function durationOf(text: string | undefined): number | null {
  return text === undefined ? null : Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? 0);
}

function budgetOf(raw: { readonly day?: number | undefined; readonly month?: number | undefined }): BudgetConfig {
  return { day: raw.day === undefined ? null : nanoUsd(raw.day), month: raw.month === undefined ? null : nanoUsd(raw.month) };
}

function budgetsOf(raw: RawConfig['budgets']['teams']): ReadonlyMap<string, BudgetConfig> {
  return new Map(Object.entries(raw).map(([name, budget]) => [name, budgetOf(budget)]));
}

const HASH = /^sha256:[0-9a-f]{64}$/i;

/** What the schema cannot say of keys: names and keys that differ, and hashes that are hashes. */
export function checkServing(raw: RawConfig | undefined, source: Source): readonly Problem[] {
  const keys = raw?.keys ?? [];
  const tasks = Object.keys(raw?.budgets.tasks ?? {})
    .filter((name) => raw && !Object.hasOwn(raw.tasks, name))
    .map((name) => ({
      message: `budgets.tasks.${name} names no task of this file.${suggestion(name, Object.keys(raw?.tasks ?? {}))}`,
      position: source.at(['budgets', 'tasks', name], 'key'),
    }));
  return [...tasks, ...checkKeys(keys, source)];
}

function checkKeys(keys: RawConfig['keys'], source: Source): readonly Problem[] {
  return keys.flatMap((entry, i) => {
    const problems: Problem[] = [];
    if (keys.findIndex((other) => other.name === entry.name) < i) {
      problems.push({
        message: `keys.${i}.name stands here twice; give each key a name of its own.`,
        position: source.at(['keys', i, 'name']),
      });
    }
    if (keys.findIndex((other) => other.key === entry.key) < i) {
      problems.push({ message: `keys.${i}.key is the same as a key above it; remove one.`, position: source.at(['keys', i, 'key']) });
    }
    if (entry.key.startsWith('sha256:') && !HASH.test(entry.key)) {
      problems.push({ message: `keys.${i}.key must have 64 hexadecimal digits after sha256:.`, position: source.at(['keys', i, 'key']) });
    }
    return problems;
  });
}
