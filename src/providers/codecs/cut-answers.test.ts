import { describe, expect, it } from 'vitest';
import { askingClient, contextFor, framesOf, readStream, writtenStream } from '../../../test/support/wire.ts';
import { type ModelEvent, usage } from '../../core/index.ts';
import { codecs, type Protocol } from './index.ts';

const protocols = Object.keys(codecs) as Protocol[];

function told(text: string): [string | null, unknown][] {
  return framesOf(Buffer.from(text)).map(({ event, data }) => [event, data === '[DONE]' ? data : (JSON.parse(data) as unknown)]);
}

const text = (value: string): ModelEvent => ({ type: 'text', text: value });
const end = (stop: 'done' | 'cut'): ModelEvent => ({
  type: 'end',
  stop,
  usage: usage({ freshInput: 5, output: 2 }),
  usageSource: 'reported',
});

describe('an upstream that is cut', () => {
  const failure = { type: 'overloaded_error', code: null, message: 'org-123 is overloaded' };
  const endings = [
    ['said nothing', []],
    ['was cut', [end('cut')]],
    ['failed', [{ ...end('cut'), failure } as ModelEvent]],
  ] as const;

  it.each(endings)('looks cut to a client of every protocol when it %s', (_, last) => {
    const events: ModelEvent[] = [text('Half an'), ...last];
    const written = (protocol: Protocol): [string | null, unknown][] =>
      told(writtenStream(codecs[protocol], events, contextFor(askingClient(protocol))));
    const chat = written('openai-chat');
    expect(chat.at(-1)?.[1]).toMatchObject({ error: { message: expect.any(String), type: 'server_error' } });
    expect(JSON.stringify(chat)).not.toMatch(/"finish_reason":"|\[DONE\]/);
    const messages = written('anthropic-messages');
    expect(messages.at(-1)).toEqual([
      'error',
      { type: 'error', error: { type: last[0] && 'failure' in last[0] ? 'overloaded_error' : 'api_error', message: expect.any(String) } },
    ]);
    expect(JSON.stringify(messages)).not.toMatch(/message_delta|message_stop/);
    const responses = written('openai-responses');
    expect(responses.slice(-2)).toMatchObject([
      ['error', { type: 'error', code: expect.any(String) }],
      ['response.failed', { response: { status: 'failed', error: { code: 'server_error' } } }],
    ]);
    expect(JSON.stringify(responses)).not.toContain('response.completed');
    for (const protocol of protocols) expect(JSON.stringify(written(protocol))).not.toContain('org-123');
  });

  it.each(protocols)('%s: is never given as a whole answer, and nothing follows an end', (protocol) => {
    const codec = codecs[protocol];
    for (const events of [[text('Half an')], [text('Half an'), end('cut')]]) {
      expect(() => codec.writeResponse(events, contextFor())).toThrow(expect.objectContaining({ code: 'UPSTREAM_FAILED' }));
    }
    const writer = codec.streamWriter(contextFor());
    expect(writer.push(end('done'))).not.toBe('');
    expect([writer.push(text('x')), writer.ping(), writer.error({ message: 'late' }), writer.finish()]).toEqual(['', '', '', '']);
  });

  it.each(protocols)('%s: an error that its own writer told is read as cut again', (protocol) => {
    const stream = writtenStream(codecs[protocol], [text('Half an')], contextFor());
    expect(readStream(codecs[protocol].streamReader(), Buffer.from(stream)).at(-1)).toMatchObject({
      type: 'end',
      stop: 'cut',
      failure: { message: 'The answer broke off before its end.' },
    });
  });
});

describe('silence and errors', () => {
  it('pings where the protocol has pings, and comments elsewhere', () => {
    expect(protocols.map((protocol) => codecs[protocol].streamWriter(contextFor()).ping())).toEqual([
      ': ping\n\n',
      ': ping\n\n',
      'event: ping\ndata: {"type": "ping"}\n\n',
    ]);
  });

  it('render one error in the envelope of each protocol, whoever raised it', () => {
    const written = (status: number, report: Parameters<(typeof codecs)['openai-chat']['writeError']>[1]): unknown[] =>
      protocols.map((protocol) => codecs[protocol].writeError(status, report));
    const openai = { error: { message: 'Spent.', type: 'insufficient_quota', param: null, code: 'insufficient_quota' } };
    expect(written(429, { kind: 'billing', message: 'Spent.' })).toEqual([
      openai,
      openai,
      { type: 'error', error: { type: 'billing_error', message: 'Spent.' } },
    ]);
    const limited = { error: { message: 'Wait.', type: 'rate_limit_error', param: null, code: 'rate_limit_exceeded' } };
    expect(written(429, { message: 'Wait.', requestId: 'req_1' })).toEqual([
      limited,
      limited,
      { type: 'error', error: { type: 'rate_limit_error', message: 'Wait.' }, request_id: 'req_1' },
    ]);
    const missing = { error: { message: 'No model.', type: 'invalid_request_error', param: 'model', code: 'model_not_found' } };
    expect(written(404, { message: 'No model.', code: 'model_not_found', param: 'model', type: 'not_found_error' })).toEqual([
      missing,
      missing,
      { type: 'error', error: { type: 'not_found_error', message: 'No model.' } },
    ]);
    expect(
      [413, 401, 403, 529, 500, 501].map((status) => codecs['anthropic-messages'].writeError(status, { message: '' }).error),
    ).toMatchObject([
      { type: 'request_too_large' },
      { type: 'authentication_error' },
      { type: 'permission_error' },
      { type: 'overloaded_error' },
      { type: 'api_error' },
      { type: 'not_supported' },
    ]);
  });
});
