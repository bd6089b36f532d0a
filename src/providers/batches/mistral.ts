import type { Json } from '../../core/index.ts';
import { type BatchHttp, fileNameOf } from './batch-http.ts';
import { itemsOf, membersOf, numberIn, textIn } from './members.ts';
import { MARK_MEMBER } from './openai.ts';
import { readResponseLine } from './response-line.ts';
import type { BatchApi, RemoteBatch } from './types.ts';

const STATES: Readonly<Record<string, RemoteBatch['state']>> = {
  SUCCESS: 'ended',
  FAILED: 'ended',
  TIMEOUT_EXCEEDED: 'ended',
  CANCELLED: 'ended',
};
const PAGE = 100;
const MAX_PAGES = 50;

/** Mistral's batch jobs: a file of purpose `batch`, a job of one model over it, an output and an error file (docs.mistral.ai/capabilities/batch). */
export function mistralBatches(http: BatchHttp): BatchApi {
  return {
    limits: { requests: 100_000, bytes: 400_000_000 },
    line: (id, { body }) => ({ custom_id: id, body: withoutModel(body) }),
    stage: async (file, signal) => {
      const query = `purpose=batch&page_size=${PAGE}&search=${encodeURIComponent(fileNameOf(file))}`;
      const listed = membersOf(await http.json({ method: 'GET', path: '/files', query, signal }));
      const found = textIn(itemsOf(listed.data).find((one) => one.filename === fileNameOf(file))?.id);
      return found ?? textIn(membersOf(await http.form('/files', { purpose: 'batch' }, file, signal)).id);
    },
    submit: async (file, staged, signal) =>
      toBatch(
        await http.json({
          method: 'POST',
          path: '/batch/jobs',
          headers: { 'idempotency-key': file.mark },
          body: {
            input_files: staged === null ? [] : [staged],
            model: http.target.model,
            endpoint: '/v1/chat/completions',
            metadata: { [MARK_MEMBER]: file.mark },
            timeout_hours: 24,
          },
          once: true,
          signal,
        }),
      ),
    resolve: async ({ file }, signal) => {
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const query = `page=${page}&page_size=${PAGE}&created_by_me=true`;
        const jobs = itemsOf(membersOf(await http.json({ method: 'GET', path: '/batch/jobs', query, signal })).data);
        const mine = jobs.find((job) => membersOf(job.metadata)[MARK_MEMBER] === file.mark);
        if (mine !== undefined) return { is: 'there', batch: toBatch(mine as Json) };
        if (jobs.length < PAGE) break;
      }
      return { is: 'absent' };
    },
    poll: async (id, signal) => toBatch(await http.json({ method: 'GET', path: jobPath(id), signal })),
    async *results({ files }, signal) {
      for (const file of files) {
        for await (const line of http.lines({ method: 'GET', path: `/files/${encodeURIComponent(file)}/content`, signal })) {
          const result = readResponseLine(line);
          if (result !== null) yield result;
        }
      }
    },
    cancel: async (id, signal) => toBatch(await http.json({ method: 'POST', path: `${jobPath(id)}/cancel`, once: false, signal })),
  };
}

function jobPath(id: string): string {
  return `/batch/jobs/${encodeURIComponent(id)}`;
}

function toBatch(json: Json): RemoteBatch {
  const job = membersOf(json);
  const status = textIn(job.status) ?? 'QUEUED';
  const files = [job.output_file, job.error_file].flatMap((id) => textIn(id) ?? []);
  const state = STATES[status] ?? 'running';
  const words = itemsOf(job.errors).map(({ message }) => textIn(message));
  // A job that failed without a line of results did nothing.
  const isRefused = status === 'FAILED' && files.length === 0;
  return {
    id: textIn(job.id) ?? '',
    state: isRefused ? 'refused' : state,
    status,
    done: numberIn(job.completed_requests),
    error: isRefused ? (words.find((message) => message !== null) ?? status) : null,
    files,
  };
}

/** The job names the model. */
function withoutModel<T extends object>(body: T): Omit<T, 'model'> {
  const rest: T & { model?: unknown } = { ...body };
  delete rest.model;
  return rest;
}
