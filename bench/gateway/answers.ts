import type { Contender } from './measure.ts';

const QUESTION = [{ role: 'user', content: 'Which label fits?' }];
const FRAMES = 5;

/**
 * Why a contender is no way to the upstream, or null when it is one: its plain answer must be 200 with the upstream's text and usage, and
 * its stream must be whole, in order and ended by `[DONE]`. What does not answer right is not measured: its errors would look fast.
 */
export async function faultOf(contender: Contender, direct: Contender): Promise<string | null> {
  const [expected, plain] = [await ask(direct, {}), await ask(contender, {})];
  if (plain.status !== 200) return `a plain request is answered with ${plain.status}: ${plain.body.slice(0, 200)}`;
  const wanted = textAndUsage(expected.body);
  if (textAndUsage(plain.body) !== wanted) return `its plain answer is not the upstream's: ${plain.body.slice(0, 200)}`;
  const streamed = await ask(contender, { stream: true, bench: { frames: FRAMES, gapMs: 1 } });
  if (streamed.status !== 200) return `a stream is answered with ${streamed.status}: ${streamed.body.slice(0, 200)}`;
  const words = Array.from({ length: FRAMES }, (_, i) => `word ${i} `).join('');
  const { text, done } = streamedText(streamed.body);
  // Some gateways drop fields that they do not know and so the bench's own length of a stream: then it has the upstream's 20 frames.
  if (!text.startsWith(words) || !done) return `its stream is not the upstream's: ${streamed.body.slice(0, 200)}`;
  return null;
}

async function ask(contender: Contender, extra: object): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(`${contender.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-client-0123456789', ...contender.headers },
    body: JSON.stringify({ model: contender.model, messages: QUESTION, temperature: 0, max_tokens: 200, ...extra }),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: answer.status, body: await answer.text() };
}

interface Completion {
  readonly choices?: readonly { readonly message?: { readonly content?: string }; readonly delta?: { readonly content?: string } }[];
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number };
}

function textAndUsage(body: string): string | null {
  try {
    const { choices, usage } = JSON.parse(body) as Completion;
    return JSON.stringify([choices?.[0]?.message?.content, usage?.prompt_tokens, usage?.completion_tokens]);
  } catch {
    return null;
  }
}

function streamedText(body: string): { readonly text: string; readonly done: boolean } {
  let text = '';
  let done = false;
  for (const frame of body.split(/\r?\n\r?\n/)) {
    const data = /^data: ?(.*)$/m.exec(frame)?.[1];
    if (data === '[DONE]') done = true;
    else if (data !== undefined) text += (JSON.parse(data) as Completion).choices?.[0]?.delta?.content ?? '';
  }
  return { text, done };
}
