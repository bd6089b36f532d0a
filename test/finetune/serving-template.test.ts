import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkTemplate, type Engine, readTemplate, type TemplateRecord } from '../../src/finetune/index.ts';
import { FakeApi, type FakeReply, type Received } from './fake-api.ts';

const CHATML = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";
const LLAMA =
  "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n{{ m['content'] }}<|eot_id|>{% endfor %}";
const PROBE = '<|im_start|>user\nfirst probe<|im_end|>\n<|im_start|>assistant\n';

/** An engine with recorded shapes: llama.cpp's /props and /apply-template, vLLM's /tokenizer_info and /tokenize, Ollama's /api/show. */
class Engines extends FakeApi {
  replies: Readonly<Record<string, (request: Received) => unknown>> = {};
  readonly started = 0;
  readonly files = 0;
  answer(request: Received): FakeReply {
    const reply = this.replies[request.path];
    return reply === undefined ? { status: 404, body: { error: 'not found' } } : { status: 200, body: reply(request) };
  }
}

let server: Engines;
let folder = '';
let trained: TemplateRecord;
beforeEach(async () => {
  server = await new Engines().start();
  folder = await mkdtemp(join(tmpdir(), 'template-'));
  await writeFile(join(folder, 'template.json'), JSON.stringify({ chat_template: CHATML, eos_token: '<|im_end|>', probe: PROBE }));
  trained = await readTemplate(join(folder, 'template.json'));
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const check = (engine: Engine, record = trained) =>
  checkTemplate(record, { engine, url: server.url, model: 'm', key: null }, new AbortController().signal);

describe('llama-server', () => {
  const props = (template: string, eos: string) => ({ '/props': () => ({ chat_template: template, bos_token: '<s>', eos_token: eos }) });

  it('passes with the same template, line ends and outer white space aside', async () => {
    server.replies = props(`${CHATML.replaceAll('\n', '\r\n')}\n`, '<|im_end|>');
    expect(await check('llama-server')).toEqual({
      verdict: 'same',
      reasons: ['answers end with <|im_end|> in both', 'the templates are the same text'],
      difference: null,
    });
  });

  it('is refused with another template and end, and shows where they part', async () => {
    server.replies = props(LLAMA, '<|eot_id|>');
    expect(await check('llama-server')).toEqual({
      verdict: 'different',
      reasons: ['answers end with <|im_end|> in training and with <|eot_id|> at the endpoint', 'the templates are not the same text'],
      difference: {
        line: 1,
        trained: expect.stringContaining('{% for m in messages %}'),
        served: expect.stringContaining('{{ bos_token }}'),
      },
    });
  });

  it('judges by what is rendered where it can: other words that write alike pass', async () => {
    server.replies = { ...props(`{# a note #}${CHATML}`, '<|im_end|>'), '/apply-template': () => ({ prompt: `<s>${PROBE}` }) };
    expect(await check('llama-server')).toMatchObject({ verdict: 'same' });
    server.replies = { ...props(CHATML, '<|im_end|>'), '/apply-template': () => ({ prompt: `system: be nice\n${PROBE}` }) };
    expect(await check('llama-server')).toMatchObject({ verdict: 'different', reasons: ['the probe conversation is written differently'] });
  });
});

describe('vLLM', () => {
  const tokenize = ({ body }: Received) => {
    const { prompt, messages } = body as { prompt?: string; messages?: unknown };
    return { count: 3, max_model_len: 4096, tokens: prompt === PROBE || messages !== undefined ? [1, 2, 3] : [9] };
  };

  it('is compared token by token where it shows no template', async () => {
    server.replies = { '/tokenize': tokenize };
    expect(await check('vllm')).toEqual({
      verdict: 'same',
      reasons: ['the probe conversation is written alike', 'vLLM shows its template only with --enable-tokenizer-info-endpoint'],
      difference: null,
    });
    expect(await check('vllm', { ...trained, probe: 'something else' })).toMatchObject({ verdict: 'different' });
  });

  it('is compared by the template where it shows one', async () => {
    server.replies = { '/tokenizer_info': () => ({ chat_template: CHATML, eos_token: { content: '<|im_end|>' } }) };
    expect(await check('vllm')).toMatchObject({ verdict: 'same' });
  });

  it('is not known where neither can be seen', async () => {
    expect(await check('vllm')).toMatchObject({ verdict: 'unknown' });
  });
});

describe('Ollama', () => {
  const show = (template: string, parameters = '', weights?: string) => ({
    '/api/show': () => ({ template, parameters, model_info: weights === undefined ? {} : { 'tokenizer.chat_template': weights } }),
  });

  it('is refused without a chat template of its own, with other ends, and over other weights', async () => {
    server.replies = show('{{ .Prompt }}');
    expect(await check('ollama')).toMatchObject({ verdict: 'different', reasons: [expect.stringContaining('bare prompt')] });
    server.replies = show('{{ range .Messages }}…{{ end }}', 'stop "<|eot_id|>"\ntemperature 0.7');
    expect(await check('ollama')).toMatchObject({ verdict: 'different', reasons: [expect.stringContaining('never at <|im_end|>')] });
    server.replies = show('{{ range .Messages }}<|im_end|>{{ end }}', '', LLAMA);
    expect(await check('ollama')).toMatchObject({ verdict: 'different', reasons: [expect.stringContaining('inside the served weights')] });
  });

  it('is not known where nothing speaks against it: its template is of another language', async () => {
    server.replies = show('{{ range .Messages }}<|im_end|>{{ end }}', 'stop "<|im_end|>"', CHATML);
    expect(await check('ollama')).toMatchObject({ verdict: 'unknown', reasons: [expect.stringContaining('Go template')] });
  });
});

describe('what is known of a template', () => {
  it('is nothing at a hosted endpoint, and nothing passes for a yes', async () => {
    expect(await check('hosted')).toMatchObject({ verdict: 'unknown', reasons: [expect.stringContaining('golden set')] });
  });

  it('is read from a tokenizer of any age', async () => {
    const eos = { eos_token: { content: '</s>' } };
    await writeFile(
      join(folder, 'tokenizer_config.json'),
      JSON.stringify({
        ...eos,
        chat_template: [
          { name: 'tool_use', template: 'T' },
          { name: 'default', template: 'D' },
        ],
      }),
    );
    expect(await readTemplate(folder)).toMatchObject({ template: 'D', eos: '</s>' });
    await writeFile(join(folder, 'chat_template.jinja'), 'J');
    expect(await readTemplate(folder)).toMatchObject({ template: 'J', eos: '</s>' });
    await expect(readTemplate(join(folder, 'absent'))).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await writeFile(join(folder, 'bare.json'), '{}');
    await expect(readTemplate(join(folder, 'bare.json'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
