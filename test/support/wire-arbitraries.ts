import fc from 'fast-check';
import type { Message, ModelEvent, ModelRequest, Part, StopReason, TokenLogprob } from '../../src/core/index.ts';
import { usage } from '../../src/core/index.ts';
import type { Protocol } from '../../src/providers/codecs/index.ts';

/*
 * Requests and answers in the form that each protocol can carry without loss. What is left out here is lost on that wire,
 * and src/providers/codecs/index.ts names it.
 */

const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter((text) => text.trim() !== '');
const identifier = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_-]{0,11}$/);
const jsonObject = fc.dictionary(identifier, fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null)), { maxKeys: 3 });
const argumentsText = jsonObject.map((value) => JSON.stringify(value));

function extrasOf(protocol: Protocol): fc.Arbitrary<{ extras?: NonNullable<Message['extras']> }> {
  const members = fc.oneof(fc.constant({ cache_control: { type: 'ephemeral' } }), fc.constant({ x_unknown: [1, 'two'] }));
  return fc.option(members, { nil: null, freq: 4 }).map((chosen) => (chosen === null ? {} : { extras: { protocol, members: chosen } }));
}

const withExtras = <T extends Part>(protocol: Protocol, part: fc.Arbitrary<T>): fc.Arbitrary<Part> =>
  fc.tuple(part, extrasOf(protocol)).map(([value, extras]) => ({ ...value, ...extras }) as Part);

const textPart = (protocol: Protocol): fc.Arbitrary<Part> =>
  withExtras(
    protocol,
    word.map((text) => ({ type: 'text', text }) as const),
  );
const imagePart: fc.Arbitrary<Part> = fc.oneof(
  fc
    .base64String({ minLength: 4, maxLength: 20 })
    .map((data) => ({ type: 'image', mediaType: 'image/png', source: { kind: 'base64', data } }) as const),
  fc.webUrl().map((url) => ({ type: 'image', mediaType: 'image/*', source: { kind: 'url', url } }) as const),
);
const pdfPart: fc.Arbitrary<Part> = fc
  .tuple(word, fc.base64String({ minLength: 4, maxLength: 20 }))
  .map(([name, data]) => ({ type: 'pdf', name, data }) as const);
const callPart: fc.Arbitrary<Part> = fc.record({
  type: fc.constant('tool-call' as const),
  id: identifier,
  name: identifier,
  arguments: argumentsText,
});
const thinkingPart = (protocol: Protocol): fc.Arbitrary<Part> =>
  fc.record({
    type: fc.constant('thinking' as const),
    text: word,
    signature: fc.base64String({ minLength: 4 }),
    protocol: fc.constant(protocol),
  });

function resultPart(protocol: Protocol): fc.Arbitrary<Part> {
  const images = protocol === 'openai-chat' ? fc.constant([]) : fc.array(fc.oneof(imagePart, pdfPart), { maxLength: 1 });
  const content = fc
    .tuple(fc.array(textPart(protocol), { minLength: 1, maxLength: 2 }), images)
    .map(([texts, more]) => [...texts, ...more]);
  const isError = protocol === 'anthropic-messages' ? fc.boolean() : fc.constant(false);
  return fc.record({ type: fc.constant('tool-result' as const), id: identifier, content, isError });
}

function userContent(protocol: Protocol): fc.Arbitrary<Part[]> {
  const said = fc.array(fc.oneof(textPart(protocol), imagePart, pdfPart), { minLength: 1, maxLength: 3 });
  const results = fc.array(resultPart(protocol), { minLength: 1, maxLength: 3 });
  if (protocol !== 'anthropic-messages') return fc.oneof(said, results);
  return fc.oneof(
    said,
    fc.tuple(results, fc.option(said, { nil: [] })).map(([first, rest]) => [...first, ...rest]),
  );
}

function assistantContent(protocol: Protocol): fc.Arbitrary<Part[]> {
  const calls = fc.array(callPart, { maxLength: 2 });
  const refusal = word.map((text): Part => ({ type: 'refusal', text }));
  if (protocol === 'openai-chat') {
    const bare = word.map((text): Part => ({ type: 'text', text }));
    return fc
      .tuple(fc.option(bare, { nil: null }), fc.option(refusal, { nil: null, freq: 5 }), calls)
      .map(([text, refused, called]) => [...(text ? [text] : []), ...(refused ? [refused] : []), ...called])
      .filter((parts) => parts.length > 0);
  }
  const more = protocol === 'openai-responses' ? [refusal] : [];
  return fc.array(fc.oneof(textPart(protocol), callPart, thinkingPart(protocol), ...more), { minLength: 1, maxLength: 4 });
}

function messages(protocol: Protocol): fc.Arbitrary<Message[]> {
  const system = word.map((text): Message => ({ role: 'system', content: [{ type: 'text', text }] }));
  const turn = fc.tuple(userContent(protocol), fc.option(assistantContent(protocol), { nil: null }));
  return fc.tuple(fc.option(system, { nil: null }), fc.array(turn, { minLength: 1, maxLength: 3 })).map(([first, turns]) => {
    const list: Message[] = first === null ? [] : [first];
    for (const [i, [user, assistant]] of turns.entries()) {
      list.push({ role: 'user', content: user });
      if (assistant !== null) list.push({ role: 'assistant', content: assistant });
      else if (i < turns.length - 1) list.push({ role: 'assistant', content: [{ type: 'text', text: 'and?' }] });
    }
    return list;
  });
}

const schema = fc.constant({
  type: 'object',
  properties: { label: { type: 'string', enum: ['a', 'b'] }, items: { type: 'array', items: { type: 'number' } } },
  required: ['label'],
  additionalProperties: false,
});

function responseFormat(protocol: Protocol): fc.Arbitrary<NonNullable<ModelRequest['responseFormat']>> {
  const isAnthropic = protocol === 'anthropic-messages';
  const fitting = fc.record({
    type: fc.constant('json-schema' as const),
    name: isAnthropic ? fc.constant('output') : identifier,
    schema,
    strict: isAnthropic ? fc.constant(true) : fc.boolean(),
  });
  return isAnthropic ? fitting : fc.oneof(fitting, fc.constant({ type: 'json' as const }));
}

function toolMembers(protocol: Protocol): fc.Arbitrary<Partial<ModelRequest>> {
  const tool = fc
    .tuple(
      fc.record({ name: identifier, description: fc.option(word, { nil: null }), parameters: schema, strict: fc.boolean() }),
      extrasOf(protocol),
    )
    .map(([definition, extras]) => ({ ...definition, ...extras }));
  const choice = fc.oneof(
    fc.constantFrom('auto' as const, 'required' as const),
    identifier.map((name) => ({ name })),
  );
  return fc.record({ tools: fc.array(tool, { minLength: 1, maxLength: 3 }), toolChoice: choice, parallelToolCalls: fc.boolean() });
}

/** Requests that the protocol carries without loss. */
export function requestOf(protocol: Protocol): fc.Arbitrary<ModelRequest> {
  const isChat = protocol === 'openai-chat';
  const isAnthropic = protocol === 'anthropic-messages';
  const limits = fc.record(
    {
      temperature: fc.double({ min: 0, max: 1, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
      topP: fc.constantFrom(0.1, 0.5, 1),
      responseFormat: responseFormat(protocol),
      reasoningEffort: fc.constantFrom('low', 'medium', 'high', 'max'),
      endUser: identifier,
      ...(isChat ? { seed: fc.integer() } : {}),
      ...(isAnthropic
        ? {}
        : { logprobs: fc.record({ top: fc.integer({ min: 0, max: 20 }) }), maxTokens: fc.integer({ min: 16, max: 9999 }) }),
      ...(protocol === 'openai-responses' ? {} : { stop: fc.array(word, { minLength: 1, maxLength: 3 }) }),
    },
    { requiredKeys: [] },
  );
  const required = isAnthropic ? fc.record({ maxTokens: fc.integer({ min: 1, max: 9999 }) }) : fc.constant({});
  return fc
    .tuple(messages(protocol), fc.option(toolMembers(protocol), { nil: {} }), limits, required, extrasOf(protocol))
    .map(([list, tools, more, must, extras]) => ({ messages: list, ...tools, ...more, ...must, ...extras }) as ModelRequest);
}

const score = fc.double({ min: -20, max: 0, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const scored: fc.Arbitrary<TokenLogprob> = fc
  .tuple(word, score, fc.array(fc.record({ token: word, logprob: score }), { maxLength: 3 }))
  .map(([token, logprob, top]) => ({ token, logprob, top }));

function textEvents(protocol: Protocol): fc.Arbitrary<ModelEvent[]> {
  const one = fc.tuple(word, fc.option(fc.array(scored, { minLength: 1, maxLength: 2 }), { nil: null })).map(
    ([text, logprobs]): ModelEvent => ({
      type: 'text',
      text,
      ...(logprobs === null || protocol === 'anthropic-messages' ? {} : { logprobs }),
    }),
  );
  const value =
    protocol === 'anthropic-messages'
      ? { type: 'char_location', cited_text: 'x', document_index: 0 }
      : protocol === 'openai-chat'
        ? { type: 'url_citation', url_citation: { url: 'https://a.example', title: 'A', start_index: 0, end_index: 1 } }
        : { type: 'url_citation', url: 'https://a.example', title: 'A', start_index: 0, end_index: 1 };
  const annotation: ModelEvent = { type: 'annotation', protocol, value };
  return fc
    .tuple(fc.array(one, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([texts, cited]) => (cited ? [...texts, annotation] : texts));
}

function thinkingEvents(protocol: Protocol): fc.Arbitrary<ModelEvent[]> {
  const texts = fc.array(word, { minLength: 1, maxLength: 3 });
  if (protocol === 'openai-chat') return texts.map((list) => list.map((text): ModelEvent => ({ type: 'thinking', text, signature: null })));
  const issuer = fc.constantFrom('openai-responses', 'anthropic-messages');
  return fc
    .tuple(texts, fc.base64String({ minLength: 4 }), issuer)
    .map(([list, signature, by]) => [
      ...list.map((text): ModelEvent => ({ type: 'thinking', text, signature: null, protocol })),
      { type: 'thinking', text: '', signature, protocol: by },
    ]);
}

function callEvents(index: number): fc.Arbitrary<ModelEvent[]> {
  return fc.tuple(identifier, identifier, argumentsText, fc.nat()).map(([id, name, text, at]) => {
    const cut = at % (text.length + 1);
    return [
      { type: 'tool-call', index, id: `${id}${index}`, name, arguments: text.slice(0, cut) },
      { type: 'tool-call', index, id: null, name: null, arguments: text.slice(cut) },
    ];
  });
}

/** Answers that the protocol carries without loss, but for what the test strips. */
export function answerOf(protocol: Protocol): fc.Arbitrary<ModelEvent[]> {
  const calls = fc.integer({ min: 0, max: 3 }).chain((n) => fc.tuple(...Array.from({ length: n }, (_, i) => callEvents(i))));
  const refusal = word.map((text): ModelEvent[] => [{ type: 'refusal', text }]);
  const refused = protocol === 'anthropic-messages' ? fc.constant(null) : fc.option(refusal, { nil: null, freq: 4 });
  const value =
    protocol === 'anthropic-messages'
      ? { type: 'redacted_thinking', data: 'Emw=' }
      : { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' } };
  const opaque =
    protocol === 'openai-chat'
      ? fc.constant(null)
      : fc.option(fc.constant<ModelEvent[]>([{ type: 'opaque', protocol, value }]), { nil: null });
  const tokens = fc.integer({ min: 0, max: 1e6 });
  const counts = fc
    .tuple(fc.integer({ min: 1, max: 1e6 }), tokens, tokens, tokens, tokens)
    .map(([freshInput, cacheRead, cacheWrite5m, output, part]) =>
      usage({ freshInput, cacheRead, cacheWrite5m, output, reasoning: Math.min(part, output) }),
    );
  return fc
    .tuple(
      fc.option(thinkingEvents(protocol), { nil: null }),
      opaque,
      fc.option(textEvents(protocol), { nil: null }),
      refused,
      calls,
      counts,
      fc.boolean(),
    )
    .map(([thinking, block, text, no, called, counted, long]) => {
      const stop: StopReason = long ? 'length' : called.length > 0 ? 'tool-call' : no !== null ? 'refusal' : 'done';
      const head = [...(thinking ?? []), ...(block ?? []), ...(text ?? []), ...(no ?? []), ...called.flat()];
      return [
        { type: 'start', servedModel: 'm', fingerprint: null, upstreamId: null, inputTokens: 5 } as const,
        ...head,
        { type: 'end', stop, usage: counted, usageSource: 'reported' } as const,
      ];
    });
}
