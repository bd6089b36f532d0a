// Two scripted models behind one OpenAI-compatible endpoint: a planner that translates, summarises and answers, and a worker that echoes.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const message = body.model === 'planner' ? plan(body) : work(body);
    const prompt_tokens = Math.ceil(JSON.stringify(body.messages).length / 4);
    const completion_tokens = Math.ceil(JSON.stringify(message).length / 4);
    const common = { id: 'chatcmpl-script', created: 1, model: body.model };
    const usage = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
    const finish_reason = message.tool_calls ? 'tool_calls' : 'stop';
    if (!body.stream) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...common, object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage }));
      return;
    }
    const delta = {
      ...message,
      ...(message.tool_calls ? { tool_calls: message.tool_calls.map((call, index) => ({ index, ...call })) } : {}),
    };
    const frame = (part) => `data: ${JSON.stringify({ ...common, object: 'chat.completion.chunk', ...part })}\n\n`;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(frame({ choices: [{ index: 0, delta, finish_reason: null }] }));
    response.write(frame({ choices: [{ index: 0, delta: {}, finish_reason }] }));
    response.write(frame({ choices: [], usage }));
    response.end('data: [DONE]\n\n');
  });
});

/** The next turn of the plan: what has been answered so far says where it stands. */
function plan({ messages, tools }) {
  const results = messages.filter(({ role }) => role === 'tool').map(({ content }) => JSON.parse(textOf(content)).output);
  const letter = textOf(messages.filter(({ role }) => role === 'user').at(-1)?.content);
  const next = ['translate', 'summarise'][results.length];
  if (next === undefined || !tools?.length) return { role: 'assistant', content: `Summary: ${results.at(-1) ?? letter}` };
  return { role: 'assistant', content: null, tool_calls: [call(next, results.at(-1) ?? letter, tools)] };
}

/** A call of a tool: its one text goes under the first required parameter that it declares. */
function call(name, text, tools) {
  const { parameters } = tools.find((tool) => tool.function.name.includes(name)).function;
  const member = parameters.required?.[0] ?? Object.keys(parameters.properties)[0];
  return { id: `call-${name}`, type: 'function', function: { name, arguments: JSON.stringify({ [member]: text }) } };
}

function work({ messages }) {
  return { role: 'assistant', content: `done: ${textOf(messages.at(-1).content).split('\n').at(-1)}` };
}

function textOf(content) {
  return typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('');
}

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`PLANNER_URL=http://127.0.0.1:${server.address().port}/v1\n`);
});
