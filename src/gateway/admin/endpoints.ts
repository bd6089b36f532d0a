import { z } from 'zod';
import {
  billQuerySchema,
  billSchema,
  budgetsSchema,
  callsQuerySchema,
  callsSchema,
  createdKeySchema,
  keySchema,
  keysSchema,
  newKeySchema,
  requestSchema,
  spanSchema,
  statusSchema,
  taskSchema,
  tasksSchema,
} from './schemas.ts';

const none = z.strictObject({});
const byId = z.strictObject({ id: z.string().min(1).max(64) });
const byName = z.strictObject({ name: z.string().min(1) });

/** One endpoint of the admin API, as data: the routes and the OpenAPI document are both made from it. */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With parameters as `{name}`. */
  readonly path: string;
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  /** Null where it takes no body. */
  readonly body: z.ZodType | null;
  readonly status: number;
  readonly answer: z.ZodType;
}

/** Every endpoint of the admin API by its name. */
export const endpoints = {
  status: {
    method: 'GET',
    path: '/admin/status',
    summary: 'How the gateway is: models, keys, requests under way, and what waits to be recorded',
    params: none,
    query: none,
    body: null,
    status: 200,
    answer: statusSchema,
  },
  listKeys: {
    method: 'GET',
    path: '/admin/keys',
    summary: 'Every client key there is or was, without the keys themselves',
    params: none,
    query: none,
    body: null,
    status: 200,
    answer: keysSchema,
  },
  createKey: {
    method: 'POST',
    path: '/admin/keys',
    summary: 'Creates a client key; the answer is the only place where it is ever shown',
    params: none,
    query: none,
    body: newKeySchema,
    status: 201,
    answer: createdKeySchema,
  },
  revokeKey: {
    method: 'DELETE',
    path: '/admin/keys/{name}',
    summary: 'Refuses a client key from now on',
    params: byName,
    query: none,
    body: null,
    status: 200,
    answer: keySchema,
  },
  budgets: {
    method: 'GET',
    path: '/admin/budgets',
    summary: 'Every budget: what is spent, held and left, and when it resets',
    params: none,
    query: none,
    body: null,
    status: 200,
    answer: budgetsSchema,
  },
  tasks: {
    method: 'GET',
    path: '/admin/tasks',
    summary: 'Every task with its volume, its cost, and how it stands in traffic',
    params: none,
    query: spanSchema,
    body: null,
    status: 200,
    answer: tasksSchema,
  },
  task: {
    method: 'GET',
    path: '/admin/tasks/{name}',
    summary: 'One task: its mode, its certificate, how that does in traffic, what happened to it, and what each model did',
    params: byName,
    query: spanSchema,
    body: null,
    status: 200,
    answer: taskSchema,
  },
  calls: {
    method: 'GET',
    path: '/admin/calls',
    summary: 'Recorded calls, newest first, a page at a time',
    params: none,
    query: callsQuerySchema,
    body: null,
    status: 200,
    answer: callsSchema,
  },
  request: {
    method: 'GET',
    path: '/admin/requests/{id}',
    summary: 'One client request by its x-smallfirst-request-id: its calls, what was kept of its texts, and its feedback',
    params: byId,
    query: none,
    body: null,
    status: 200,
    answer: requestSchema,
  },
  bill: {
    method: 'GET',
    path: '/admin/bill',
    summary: 'What was spent, by what',
    params: none,
    query: billQuerySchema,
    body: null,
    status: 200,
    answer: billSchema,
  },
} as const satisfies Readonly<Record<string, Endpoint>>;

export type EndpointName = keyof typeof endpoints;
