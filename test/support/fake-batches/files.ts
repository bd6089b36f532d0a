import type { ServerResponse } from 'node:http';
import { answerOf, json } from './batches.ts';
import type { FakeBatch, State } from './types.ts';

export function files(
  state: State,
  { method, id, bytes, type }: { readonly method: string; readonly id: string | null; readonly bytes: Buffer; readonly type: string },
  response: ServerResponse,
): void {
  if (method === 'GET' && id !== null) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.end(state.files.get(id)?.bytes ?? '');
    return;
  }
  if (method === 'GET') {
    const data = [...state.files].map(([file, { name, bytes: held }]) => ({
      id: file,
      object: 'file',
      filename: name,
      bytes: held.length,
    }));
    json(response, 200, { object: 'list', data, total: data.length });
    return;
  }
  const boundary = /boundary=(.+)$/.exec(type)?.[1] ?? '';
  const text = bytes.toString();
  const name = /filename="([^"]+)"/.exec(text)?.[1] ?? '';
  const start = text.indexOf('\r\n\r\n', text.indexOf('filename=')) + 4;
  const content = Buffer.from(text.slice(start, text.lastIndexOf(`\r\n--${boundary}--`)));
  if (!text.includes('name="purpose"\r\n\r\nbatch')) throw new Error('no purpose');
  const made = keep(state, name, content);
  json(response, 200, { id: made, object: 'file', purpose: 'batch', filename: name, bytes: content.length });
}

function keep(state: State, name: string, bytes: Buffer): string {
  state.ids += 1;
  const id = `file-${state.ids}`;
  state.files.set(id, { name, bytes });
  return id;
}

/** Output and error file, each null where it would be empty; out of order, as providers write them. */
export function resultFiles(state: State, batch: FakeBatch): { readonly output: string | null; readonly failed: string | null } {
  const output: string[] = [];
  const failed: string[] = [];
  for (const [i, { id, body }] of [...batch.requests.entries()].reverse()) {
    const fate = batch.fates?.[i] ?? 'expired';
    const line = { id: `batch_req_${i}`, custom_id: id };
    if (fate === 'answered')
      output.push(
        JSON.stringify({
          ...line,
          response: { status_code: 200, request_id: `r${i}`, body: answerOf(state, body, batch.model) },
          error: null,
        }),
      );
    else if (fate === 'expired')
      failed.push(
        JSON.stringify({
          ...line,
          response: null,
          error: { code: 'batch_expired', message: 'This request could not be executed before the completion window expired.' },
        }),
      );
    else {
      const [code, error] =
        fate === 'failed'
          ? [500, { type: 'server_error', message: 'we failed' }]
          : [400, { type: 'invalid_request_error', message: 'too odd to answer' }];
      failed.push(JSON.stringify({ ...line, response: { status_code: code, request_id: `r${i}`, body: { error } }, error: null }));
    }
  }
  const file = (name: string, lines: readonly string[]): string | null => {
    if (lines.length === 0) return null;
    const known = [...state.files].find(([, held]) => held.name === name);
    return known?.[0] ?? keep(state, name, Buffer.from(`${lines.join('\n')}\n`));
  };
  return { output: file(`${batch.id}-output`, output), failed: file(`${batch.id}-errors`, failed) };
}

export function linesOf<T>(state: State, file: string): readonly T[] {
  return (state.files.get(file)?.bytes.toString() ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
