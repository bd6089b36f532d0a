import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../config/index.ts';
import { providers } from '../../providers/index.ts';
import { templateGate } from './promote-template.ts';
import type { Candidate, PromoteWorld } from './promote-types.ts';

const TAUGHT = '{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}';
const JOB = 'aaaabbbbccccdddd';
let folder = '';
let server: Server;
let served = TAUGHT;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'template-gate-'));
  served = TAUGHT;
  // What llama.cpp's server says of its model.
  server = createServer((request, response) => {
    const known = request.url === '/props';
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
    response.end(known ? JSON.stringify({ chat_template: served, eos_token: '</s>' }) : '{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function gate(job: string | null, template: object | null) {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const trained = job === null ? '' : `, trained: { until: "2026-10-01T00:00:00Z", job: "${job}" }`;
  const text = `models: { tuned: { provider: llamacpp, model: t, url: "${url}"${trained} } }`;
  const model = parseConfig(text, join(folder, 'smallfirst.yaml'), {}, { providers }).models.get('tuned');
  if (template !== null) {
    await mkdir(join(folder, 'data', 'finetune'), { recursive: true });
    const record = { format: 'smallfirst-finetune', version: 1, id: JOB, state: 'succeeded', createdAt: 1, template };
    await writeFile(join(folder, 'data', 'finetune', `${JOB}.json`), JSON.stringify(record));
  }
  const io = { cwd: folder, signal: new AbortController().signal };
  // The two things of a promotion that the gate looks at.
  return templateGate({ model } as Candidate, { options: { data: 'data' }, io } as unknown as PromoteWorld);
}

const taught = { hash: 'x', eos: '</s>', template: TAUGHT, probe: null, source: 'tokenizer_config.json' };

describe('the chat template of a fine-tuned model', () => {
  it('is no question for a model that no job of ours trained', async () => {
    expect(await gate(null, null)).toBeNull();
  });

  it('is skipped, and said to be, where the job is not on record here', async () => {
    expect(await gate(JOB, null)).toMatchObject({ name: 'template', state: 'skipped' });
  });

  it('refuses a version whose endpoint ends answers or writes conversations otherwise', async () => {
    served = '{% for m in messages %}[INST] {{ m.content }} [/INST]{% endfor %}';
    expect(await gate(JOB, { ...taught, eos: '<|end|>' })).toMatchObject({
      name: 'template',
      state: 'failed',
      reason: expect.stringContaining('answers end with <|end|> in training and with </s> at the endpoint'),
    });
  });
});
