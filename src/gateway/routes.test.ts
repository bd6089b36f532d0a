import { describe, expect, it } from 'vitest';
import { routeOf, usualPath } from './routes.ts';

const MIB = 1024 * 1024;

describe('a route', () => {
  it.each([
    ['POST', '/v1/chat/completions', 'call', 'openai-chat', 32],
    ['POST', '/v1/responses', 'call', 'openai-responses', 32],
    ['POST', '/v1/messages', 'call', 'anthropic-messages', 32],
    ['POST', '/v1/embeddings', 'call', 'openai-chat', 32],
    ['POST', '/v1/completions', 'call', 'openai-chat', 32],
    ['POST', '/v1/messages/count_tokens', 'count', 'anthropic-messages', 32],
    ['POST', '/v1/messages/batches', 'endpoint', 'anthropic-messages', 256],
    ['POST', '/v1/batches', 'endpoint', 'openai-chat', 256],
    ['POST', '/v1/files', 'endpoint', 'openai-chat', 500],
    ['GET', '/v1/responses/resp_1', 'endpoint', 'openai-chat', 32],
    ['GET', '/v1/chat/completions', 'endpoint', 'openai-chat', 32],
    ['DELETE', '/v1/models/ft-1', 'endpoint', 'openai-chat', 32],
  ])('of %s %s is %s in %s with %i MiB', (method, path, kind, protocol, mib) => {
    expect(routeOf(method, path, false)).toMatchObject({ kind, protocol, bodyLimit: mib * MIB });
  });

  it.each([
    ['/v1/models', 'list-models'],
    ['/v1/models/meta-llama/Llama-3.1-8B', 'show-model'],
    ['/v1/files', 'endpoint'],
  ])('of GET %s belongs to the family that the client speaks', (path, kind) => {
    expect(routeOf('GET', path, false)).toMatchObject({ kind, family: 'openai' });
    expect(routeOf('GET', path, true)).toMatchObject({ kind, family: 'anthropic' });
  });

  it.each(['/', '/v2/chat/completions', '/etc/passwd', '/v1'])('of %s is none', (path) => {
    expect(routeOf('POST', path, false).kind).toBe('none');
  });
});

describe('a base URL as people write it', () => {
  it.each([
    ['/chat/completions', '/v1/chat/completions'],
    ['/v1/v1/messages', '/v1/messages'],
    ['/v1/messages/', '/v1/messages'],
    ['/models/x', '/v1/models/x'],
    ['/elsewhere', '/elsewhere'],
    ['/', '/'],
  ])('leads from %s to %s', (path, usual) => {
    expect(usualPath(path)).toBe(usual);
  });
});
