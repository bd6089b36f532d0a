import { describe, expect, it } from 'vitest';
import { namingSource, type Pinning, pinningOf } from './pins-rules.ts';

const named = (expected: Pinning, provider: string, ...models: readonly string[]) =>
  models.map((model): readonly [string, string, Pinning] => [provider, model, expected]);

describe('what a name on the wire promises', () => {
  it.each([
    ...named('alias', 'openai', 'gpt-4o', 'gpt-4o-mini', 'gpt-4', 'gpt-5', 'gpt-5-mini', 'gpt-5.1', 'gpt-5.4', 'o3', 'gpt-5.2-chat-latest'),
    ...named('pinned', 'openai', 'gpt-4o-2024-08-06', 'gpt-4-0613', 'gpt-4-1106-preview', 'gpt-5.4-mini-2026-03-17', 'o3-2025-04-16'),
    ...named('pinned', 'openai', 'ft:gpt-4o-mini-2024-07-18:acme::abc'),
    ...named('unknown', 'openai', 'gpt-6-luna', 'gpt-5.6-sol', 'tiny', 'my-finetune'),
    ...named(
      'alias',
      'anthropic',
      'claude-sonnet-4-5',
      'claude-opus-4-0',
      'claude-3-5-haiku-latest',
      'claude-haiku-4-5',
      'claude-opus-4-1',
    ),
    ...named('pinned', 'anthropic', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-6', 'claude-opus-5', 'claude-opus-5-20260701'),
    ...named('pinned', 'anthropic', 'claude-opus-4-10', 'claude-opus-5-5', 'claude-3-haiku-20240307'),
    ...named('unknown', 'anthropic', 'huge'),
    ...named('alias', 'gemini', 'gemini-2.0-flash', 'gemini-flash-latest', 'gemini-2.0-flash-exp', 'gemini-1.5-flash-8b'),
    ...named('pinned', 'gemini', 'gemini-2.0-flash-001', 'gemini-2.5-flash', 'gemini-3.5-flash-lite', 'gemini-2.5-flash-preview-05-20'),
    ...named('alias', 'mistral', 'mistral-large-latest', 'mistral-small', 'open-mistral-nemo'),
    ...named('pinned', 'mistral', 'mistral-large-2411', 'mistral-medium-3-5-26-04', 'open-mistral-nemo-2407'),
    ...named('alias', 'ollama', 'llama3.1:latest'),
    ...named('unknown', 'ollama', 'llama3.1:8b-instruct-q4_K_M'),
    ...named('unknown', 'vllm', 'meta-llama/Llama-3.1-8B-Instruct'),
    ...named('pinned', 'replay', 'gpt-4o', 'whatever-latest'),
    ...named('pinned', 'student', 'classify'),
  ])('%s/%s', (provider, model, expected) => {
    expect(pinningOf({ provider, model })).toBe(expected);
  });

  it('says on which page a vendor explains its names', () => {
    expect(namingSource('anthropic')).toBe('https://platform.claude.com/docs/en/about-claude/models/model-ids-and-versions');
    expect(namingSource('vllm')).toBeNull();
  });
});
