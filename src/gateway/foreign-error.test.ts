import { describe, expect, it } from 'vitest';
import type { UpstreamTarget } from '../providers/index.ts';
import { withoutAccount } from './foreign-error.ts';

const target = (hasOwnKey: boolean): UpstreamTarget => ({
  name: 'm',
  provider: 'openai',
  model: 'm',
  protocols: ['openai-chat'],
  quirks: {},
  hasOwnKey,
});
const told = (text: string, status = 429, hasOwnKey = true) =>
  withoutAccount({ status, target: target(hasOwnKey) }, Buffer.from(text)).toString();

describe("an upstream's error", () => {
  it.each([
    [
      'Rate limit reached for gpt-5 in organization org-a1B2c3D4 on tokens per min',
      'Rate limit reached for gpt-5 in organization [removed] on tokens per min',
    ],
    ['no access: proj_9xYz12, user-77abc, acct_123, wrkspc_01ab', 'no access: [removed], [removed], [removed], [removed]'],
    [
      'the limit of your organization (0f8fad5b-d9cb-469f-a165-70867728950e) of 10,000',
      'the limit of your organization ([removed]) of 10,000',
    ],
    ['key sk-proj-abcdef12 is no more. Grüße 🙂', 'key [removed] is no more. Grüße 🙂'],
  ])('names no account of ours: %s', (said, heard) => {
    expect(told(said)).toBe(heard);
  });

  it.each([
    ['{"error":{"type":"rate_limit_error","message":"Slow down, organization user."},"request_id":"req_011CSHoEeqs5C35K2UUqR7Fy"}'],
    ['{"request_id":"0f8fad5b-d9cb-469f-a165-70867728950e","type":"org_limit"}'],
  ])('keeps everything else: %s', (said) => {
    expect(told(said)).toBe(said);
  });

  it('keeps its words where they are about the request, and where the key is the client’s own', () => {
    const said = 'prompt is too long for org-a1B2c3D4';
    expect([told(said, 400), told(said, 413), told(said, 422), told(said, 429, false), told(said, 200)]).toEqual(Array(5).fill(said));
  });
});
