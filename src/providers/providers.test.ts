import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect, type ModelRequest, NO_USAGE, SmallfirstError, textMessage, usage } from '../core/index.ts';
import { type CallContext, type ClientDeps, ClientRegistry, loadRecording, studentClient } from './index.ts';

const ask = (text: string): ModelRequest => ({ messages: [textMessage('system', 'Sort it.'), textMessage('user', text)] });
const context = (parts: Partial<CallContext> = {}): CallContext => ({
  itemId: null,
  input: null,
  signal: null,
  deadlineAt: null,
  ...parts,
});

async function recordingFile(lines: readonly unknown[]): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'recording-')), 'answers.jsonl');
  await writeFile(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  return file;
}

const deps: ClientDeps = {
  loadRecording,
  loadStudent: () => Promise.reject(new SmallfirstError('STUDENT_FILE_INVALID', 'no students here')),
  upstream: (name) => {
    throw new SmallfirstError('MODEL_NOT_FOUND', `nothing over HTTP here: ${name}`);
  },
};

const source = (data: string, model: string) => ({ name: model, provider: 'replay', model, data, path: null });

const ROWS = [
  { recording: { source: 'written for this test', licence: 'CC0-1.0' } },
  {
    id: 1,
    input: 'my card is lost',
    answers: {
      big: {
        text: 'card',
        latencyMs: 812.5,
        signals: { token: 0.98, stated: 0.9 },
        usage: { freshInput: 40, output: 2 },
        logprobs: [{ token: 'card', logprob: -0.02, top: [{ token: 'loan', logprob: -4 }] }],
      },
      small: 'loan',
    },
  },
  { id: 'b', answers: { big: { text: 'loan, I th', stop: 'length' } } },
];

describe('a recording', () => {
  it('answers with what was recorded and with nothing else', async () => {
    const file = await recordingFile(ROWS);
    const registry = new ClientRegistry(deps);
    const big = await registry.client(source(file, 'big'));
    const small = await registry.client(source(file, 'small'));
    const recorded = { refusal: null, toolCalls: [], usageSource: 'recorded', fingerprint: null };
    expect(await collect(big.call(ask('anything'), context({ itemId: '1' })))).toEqual({
      ...recorded,
      text: 'card',
      stop: 'done',
      usage: usage({ freshInput: 40, output: 2 }),
      logprobs: [{ token: 'card', logprob: -0.02, top: [{ token: 'loan', logprob: -4 }] }],
      recorded: { token: 0.98, stated: 0.9, latencyMs: 812.5 },
      servedModel: 'big',
    });
    const bare = { ...recorded, stop: 'done', usage: null, logprobs: null, recorded: {}, servedModel: 'small' };
    expect(await collect(small.call(ask('my card is lost'), context()))).toEqual({ ...bare, text: 'loan' });
    expect(await collect(small.call(ask('Sort: my card is lost'), context({ input: 'my card is lost' })))).toEqual({
      ...bare,
      text: 'loan',
    });
    expect((await collect(big.call(ask(''), context({ itemId: 'b' })))).stop).toBe('length');
    expect((await loadRecording(file)).source).toEqual({ source: 'written for this test', licence: 'CC0-1.0' });
  });

  it('says what was not recorded instead of making it up', async () => {
    const file = await recordingFile(ROWS);
    const registry = new ClientRegistry(deps);
    const small = await registry.client(source(file, 'small'));
    const code = (itemId: string | null, text = '') =>
      collect(small.call(ask(text), context({ itemId }))).then(
        () => 'answered',
        (error: SmallfirstError) => error.code,
      );
    expect(await Promise.all([code('b'), code('nowhere'), code(null, 'unheard of')])).toEqual([
      'RECORDING_MISSING',
      'RECORDING_MISSING',
      'RECORDING_MISSING',
    ]);
    await expect(registry.client(source(file, 'medium'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: `The recording ${file} holds no model "medium"; it holds: big, small.`,
    });
  });

  it('stops when the caller goes away', async () => {
    const file = await recordingFile(ROWS);
    const big = await new ClientRegistry(deps).client(source(file, 'big'));
    const controller = new AbortController();
    const events: string[] = [];
    const run = async () => {
      for await (const event of big.call(ask(''), context({ itemId: '1', signal: controller.signal }))) {
        events.push(event.type);
        if (event.type === 'text') controller.abort();
      }
    };
    await expect(run()).rejects.toMatchObject({ code: 'ABORTED' });
    expect(events).toEqual(['start', 'text']);
  });

  it.each([
    ['{"id": 1', 'This line is not valid JSON.'],
    ['[]', 'A row of a recording must be a JSON object.'],
    [{ answers: {} }, 'A row of a recording needs an "id".'],
    [{ id: 'x' }, 'A row of a recording needs "answers": one per model.'],
    [{ id: 1, answers: { m: 'twice' } }, 'The id "1" stands here for the second time.'],
    [{ id: 'x', answers: { m: { text: 'a', latency: 3 } } }, 'The answer of m: "latency" is not a member of an answer.'],
    [
      { id: 'x', answers: { m: { text: 'a', signals: { token: 1.2 } } } },
      'The answer of m: the signal "token" must be a number from 0 to 1.',
    ],
    [
      { id: 'x', answers: { m: { text: 'a', usage: { input: 3 } } } },
      /^The answer of m: "input" is not a class of usage; known are freshInput/,
    ],
    [{ id: 'x', answers: { m: { text: 'a', usage: { output: 1.5 } } } }, 'The answer of m: "output" must be a whole number of tokens.'],
    [{ id: 'x', answers: { m: { text: 'a', stop: 'end' } } }, /^The answer of m: "stop" must be one of done/],
    [
      { id: 'x', answers: { m: { text: 'a', logprobs: [{ token: 't', logprob: 1 }] } } },
      'The answer of m: a "logprob" must be a number of at most 0.',
    ],
  ])('names the line of a row that is malformed: %j', async (row, message) => {
    const file = await recordingFile([...ROWS, row]);
    await expect(loadRecording(file)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
      position: { file, line: 4 },
    });
  });

  it('that is not there is named', async () => {
    await expect(loadRecording('/nowhere/x.jsonl')).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });
});

describe('an embedded student', () => {
  const student = { version: 'sha256:1', answer: (text: string) => ({ text: text.length > 5 ? 'long' : 'short', confidence: 0.75 }) };

  it('reads the input without the prompt, answers with a label, and states its probability', async () => {
    let time = 0;
    const clock = { monotonic: () => (time += 0.25) };
    const answer = await collect(studentClient(student, { clock }).call(ask('Sort this text please: abc'), context({ input: 'abc' })));
    expect(answer).toEqual({
      text: 'short',
      refusal: null,
      toolCalls: [],
      stop: 'done',
      usage: NO_USAGE,
      usageSource: 'counted',
      logprobs: null,
      recorded: { probability: 0.75, latencyMs: 0.25 },
      servedModel: 'sha256:1',
      fingerprint: null,
    });
    expect((await collect(studentClient(student).call(ask('long enough'), context()))).text).toBe('long');
  });

  it('is opened once, whoever asks', async () => {
    let opened = 0;
    const registry = new ClientRegistry({ ...deps, loadStudent: async () => ({ ...student, version: `v${++opened}` }) });
    const model = { name: 'student/x', provider: 'student', model: 'x', data: null, path: '/s' };
    expect(await registry.client(model)).toBe(await registry.client(model));
    expect(opened).toBe(1);
    await expect(registry.client({ ...model, name: 'other', provider: 'nobody' })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });
});
