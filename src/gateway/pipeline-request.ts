import { z } from 'zod';
import type { PipelineConfig } from '../config/index.ts';
import { type Json, SmallfirstError, textOf } from '../core/index.ts';
import { type ClientRequest, MalformedRequest, parseBody } from '../providers/index.ts';
import type { Exchange } from './exchange.ts';
import { mayUsePipeline, PIPELINE_ALIAS } from './pipeline-scope.ts';
import type { Pipelines } from './pipeline-types.ts';
import { isTranslatable, readRequest, withoutCounterpart } from './translate.ts';

/** A run that a client asks for. */
export interface RunRequest {
  readonly pipeline: PipelineConfig;
  readonly input: Readonly<Record<string, Json>>;
  /** What the client itself says of the run; nothing else ever adds to it. */
  readonly request: Readonly<Record<string, Json>>;
  readonly isStreamed: boolean;
  /** The protocol's request that named the pipeline as its model; null for one in our own words. */
  readonly client: ClientRequest | null;
}

const members = z.record(z.string(), z.custom<Json>());
const bodySchema = z.strictObject({ input: members, request: members.default({}), stream: z.boolean().default(false) });
/** What a request of another protocol says to us alone. */
const ownSchema = z.strictObject({ input: members.default({}), request: members.default({}) });

/** Reads `POST /v1/pipelines/NAME`. Throws PIPELINE_NOT_FOUND, FORBIDDEN and REQUEST_INVALID. */
export function readRun(exchange: Exchange, pipelines: Pipelines): RunRequest {
  const pipeline = pipelineFor(exchange, pipelines, nameInPath(exchange.path));
  const { input, request, stream } = checked(bodySchema, parsed(exchange), 'the body');
  exchange.isStreamed = stream;
  return { pipeline, input, request, isStreamed: stream, client: null };
}

/** Whether a request names a pipeline in place of a model. */
export function namesPipeline({ route, model }: Pick<Exchange, 'route' | 'model'>): boolean {
  return route.kind === 'call' && model.startsWith(PIPELINE_ALIAS);
}

/**
 * Reads a request that names a pipeline as its model: the last message of the user is the input's text, and its own member `smallfirst`
 * says the rest. Throws as `readRun`, and NOT_SUPPORTED at endpoints that are no conversation.
 */
export function readAliasedRun(exchange: Exchange, pipelines: Pipelines): RunRequest {
  const pipeline = pipelineFor(exchange, pipelines, exchange.model.slice(PIPELINE_ALIAS.length));
  if (!isTranslatable(exchange)) throw withoutCounterpart(exchange, exchange.model);
  const client = readRequest(exchange);
  if ((client.request.tools ?? []).length > 0) {
    throw new SmallfirstError('REQUEST_INVALID', 'A pipeline calls no tools of its client: leave "tools" out.');
  }
  const { input, request } = checked(ownSchema, client.body.smallfirst ?? {}, '"smallfirst"');
  const last = client.request.messages.findLast(({ role }) => role === 'user');
  const text = last === undefined ? {} : { text: textOf(last) };
  return { pipeline, input: { ...input, ...text }, request, isStreamed: client.stream, client };
}

/** The name that a path ends with, escaped or not. */
export function nameInPath(path: string): string {
  const text = path.slice('/v1/pipelines/'.length);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A pipeline that the caller may run. Throws PIPELINE_NOT_FOUND, and FORBIDDEN where the key does not allow it. */
export function pipelineFor({ caller }: Pick<Exchange, 'caller'>, { configs, tasks }: Pipelines, name: string): PipelineConfig {
  const pipeline = configs.get(name);
  if (pipeline === undefined) {
    const shown = name.replace(/[^\x20-\x7e]|"/g, '?').slice(0, 100);
    throw new SmallfirstError('PIPELINE_NOT_FOUND', `There is no pipeline "${shown}".`);
  }
  if (mayUsePipeline(caller, pipeline, tasks)) return pipeline;
  throw new SmallfirstError('FORBIDDEN', `The key "${caller.key ?? ''}" does not allow all that the pipeline "${name}" asks.`);
}

function parsed({ body }: Exchange): Json {
  try {
    return parseBody(body);
  } catch (error) {
    if (!(error instanceof MalformedRequest)) throw error;
    throw new SmallfirstError('REQUEST_INVALID', error.message, { cause: error });
  }
}

function checked<Schema extends z.ZodType>(schema: Schema, value: Json, what: string): z.output<Schema> {
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? what : issue.path.join('.');
  throw new SmallfirstError('REQUEST_INVALID', `The request is not a run of a pipeline: ${place}: ${issue?.message ?? 'it is wrong'}.`);
}
