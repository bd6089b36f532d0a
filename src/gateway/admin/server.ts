import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { SmallfirstError } from '../../core/index.ts';
import { describeFailure } from '../observe/redact.ts';
import { type Endpoint, type EndpointName, endpoints } from './endpoints.ts';
import type { AdminGuard } from './guard.ts';
import { type AdminDeps, adminHandlers } from './handlers.ts';
import { openApiDocument } from './openapi.ts';
import type { errorSchema } from './schemas.ts';

/** What the admin server is made of. */
export interface AdminServerDeps extends AdminDeps {
  readonly guard: AdminGuard;
  /** Hears of failures that nobody raised on purpose. */
  readonly warn: (message: string) => void;
}

const BODY_LIMIT = 64 * 1024;

/** The admin API as a handler of requests that somebody else accepted. No answer of it lets other origins read it. */
export async function adminServer(deps: AdminServerDeps): Promise<(request: IncomingMessage, response: ServerResponse) => void> {
  const app = fastify({ logger: false, bodyLimit: BODY_LIMIT, exposeHeadRoutes: false });
  app.addHook('onRequest', async (request) => deps.guard.check(request.raw));
  app.setErrorHandler((error, _request, reply) => {
    const known = asKnown(error);
    if (known.code === 'INTERNAL') deps.warn(`the admin API failed: ${describeFailure(error)}`);
    return reply.status(known.row.http).send(envelope(known));
  });
  app.setNotFoundHandler((_request, reply) => {
    const missing = new SmallfirstError('ROUTE_NOT_FOUND', 'The admin API has nothing there; /openapi.json lists what it has.');
    return reply.status(404).send(envelope(missing));
  });
  const document = openApiDocument(deps.version);
  app.get('/openapi.json', async () => document);
  addRoutes(app, deps);
  await app.ready();
  return (request, response) => app.routing(request, response);
}

function addRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const handlers = adminHandlers(deps) as unknown as Readonly<Record<string, (asked: object) => Promise<unknown>>>;
  for (const [name, endpoint] of Object.entries(endpoints) as [EndpointName, Endpoint][]) {
    app.route({
      method: endpoint.method,
      url: endpoint.path.replace(/\{(\w+)\}/g, ':$1'),
      handler: async (request, reply) => {
        const answer = await handlers[name]?.({
          params: checked(endpoint.params, request.params, 'path'),
          query: checked(endpoint.query, request.query, 'query'),
          body: endpoint.body === null ? null : checked(endpoint.body, request.body ?? {}, 'body'),
        });
        return reply.status(endpoint.status).header('cache-control', 'no-store').send(answer);
      },
    });
  }
}

function checked(schema: z.ZodType, value: unknown, place: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  // Issues name places and rules; values may be secrets.
  const what = parsed.error.issues.map((issue) => `${[place, ...issue.path.map(String)].join('.')}: ${issue.message}`).join('; ');
  throw new SmallfirstError('REQUEST_INVALID', `The request is not what this endpoint takes: ${what}.`);
}

function asKnown(error: unknown): SmallfirstError {
  if (error instanceof SmallfirstError) return error;
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status === 413) return new SmallfirstError('REQUEST_TOO_LARGE', `The body is longer than ${BODY_LIMIT / 1024} KiB.`);
  if (status >= 400 && status < 500) return new SmallfirstError('REQUEST_INVALID', 'The request could not be read: send JSON.');
  return new SmallfirstError('INTERNAL', 'The admin API failed.', { cause: error });
}

function envelope(error: SmallfirstError): z.output<typeof errorSchema> {
  return { error: { code: error.code, message: error.message, hint: error.row.hint } };
}
