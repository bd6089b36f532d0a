import type { Json } from '../../core/index.ts';
import { type BatchHttp, fileNameOf } from './batch-http.ts';
import { itemsOf, type Members, membersOf, numberIn, textIn } from './members.ts';
import { readResponseLine } from './response-line.ts';
import type { BatchApi, RemoteBatch } from './types.ts';

/** The member of a batch's metadata under which its mark stands. */
export const MARK_MEMBER = 'smallfirst_batch';

const STATES: Readonly<Record<string, RemoteBatch['state']>> = {
  failed: 'refused',
  completed: 'ended',
  expired: 'ended',
  cancelled: 'ended',
};
/** Pages of a listing that are looked through for one batch. */
const MAX_PAGES = 50;

/** OpenAI's batches: a file of purpose `batch`, a batch over it, an output and an error file (platform.openai.com/docs/guides/batch). */
export function openaiBatches(http: BatchHttp): BatchApi {
  return {
    limits: { requests: 50_000, bytes: 200_000_000 },
    line: (id, { path, body }) => ({ custom_id: id, method: 'POST', url: path.startsWith('/v1/') ? path : `/v1${path}`, body }),
    stage: async (file, signal) => {
      const listed = membersOf(await http.json({ method: 'GET', path: '/files', query: 'purpose=batch&limit=10000', signal }));
      const there = itemsOf(listed.data).find((one) => one.filename === fileNameOf(file) && one.bytes === file.bytes);
      const found = textIn(there?.id);
      return found ?? textIn(membersOf(await http.form('/files', { purpose: 'batch' }, file, signal)).id);
    },
    submit: async (file, staged, signal) =>
      toBatch(
        await http.json({
          method: 'POST',
          path: '/batches',
          headers: { 'idempotency-key': file.mark },
          body: {
            input_file_id: staged,
            endpoint: '/v1/chat/completions',
            completion_window: '24h',
            metadata: { [MARK_MEMBER]: file.mark },
          },
          once: true,
          signal,
        }),
      ),
    resolve: async ({ file }, signal) => {
      let after = '';
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const listed = membersOf(await http.json({ method: 'GET', path: '/batches', query: `limit=100${after}`, signal }));
        const batches = itemsOf(listed.data);
        const mine = batches.find((batch) => membersOf(batch.metadata)[MARK_MEMBER] === file.mark);
        if (mine !== undefined) return { is: 'there', batch: toBatch(mine as Json) };
        const last = textIn(batches.at(-1)?.id);
        if (listed.has_more !== true || last === null) break;
        after = `&after=${encodeURIComponent(last)}`;
      }
      return { is: 'absent' };
    },
    poll: async (id, signal) => toBatch(await http.json({ method: 'GET', path: `/batches/${encodeURIComponent(id)}`, signal })),
    async *results({ files }, signal) {
      for (const file of files) {
        for await (const line of http.lines({ method: 'GET', path: `/files/${encodeURIComponent(file)}/content`, signal })) {
          const result = readResponseLine(line);
          if (result !== null) yield result;
        }
      }
    },
    cancel: async (id, signal) =>
      toBatch(await http.json({ method: 'POST', path: `/batches/${encodeURIComponent(id)}/cancel`, once: false, signal })),
  };
}

function toBatch(json: Json): RemoteBatch {
  const batch = membersOf(json);
  const status = textIn(batch.status) ?? 'validating';
  const counts = membersOf(batch.request_counts);
  const state = STATES[status] ?? 'running';
  const errors = itemsOf(membersOf(batch.errors).data);
  const isCrowded = state === 'refused' && errors.some(({ code }) => code === 'token_limit_exceeded');
  return {
    id: textIn(batch.id) ?? '',
    state: isCrowded ? 'crowded' : state,
    status,
    done: doneOf(counts),
    error: state === 'refused' ? (errors.map(({ message }) => textIn(message)).find((message) => message !== null) ?? status) : null,
    files: [batch.output_file_id, batch.error_file_id].flatMap((id) => textIn(id) ?? []),
  };
}

function doneOf({ completed, failed }: Members): number | null {
  const done = numberIn(completed);
  return done === null ? null : done + (numberIn(failed) ?? 0);
}
