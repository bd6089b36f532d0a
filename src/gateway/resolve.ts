import type { IncomingHttpHeaders } from 'node:http';
import type { TaskConfig } from '../config/index.ts';
import { SmallfirstError } from '../core/index.ts';
import { JsonShapeError, lastMember, memberValue } from '../providers/index.ts';
import type { Fingerprint } from '../templates/index.ts';
import { TemplateReader, type TemplateSource } from './resolve-template.ts';

/** The part of a request that may name its task. Nothing that a prompt says is read as a name. */
export interface TaskSource extends TemplateSource {
  readonly headers: IncomingHttpHeaders;
  /** As the client names it. */
  readonly model: string;
}

/** The task of a request, and how it was found. */
export interface Resolution {
  readonly task: TaskConfig | null;
  readonly by: 'header' | 'alias' | 'metadata' | 'fingerprint' | null;
  /** Its template; null where it has none. */
  readonly fingerprint: Fingerprint | null;
}

const HEADER = 'x-smallfirst-task';
/** What stands before a task's name where it is named in place of a model. */
export const ALIAS = 'task/';
const MAX_METADATA_BYTES = 16 * 1024;

/**
 * Finds the task of a request: the header `x-smallfirst-task`, the model alias `task/NAME`, `metadata.task`, then the template's
 * fingerprint. The header and the alias are ours: a name there that no task has is refused, so that a slip is not billed as something
 * else. `metadata` is the client's own, and may have had a `task` before there was a gateway: a name there that no task has says nothing.
 */
export class TaskResolver {
  readonly #tasks: ReadonlyMap<string, TaskConfig>;
  readonly #byFingerprint = new Map<string, TaskConfig>();
  readonly #reader = new TemplateReader();

  constructor(tasks: ReadonlyMap<string, TaskConfig>) {
    this.#tasks = tasks;
    for (const task of tasks.values()) for (const hash of task.fingerprints) this.#byFingerprint.set(hash, task);
  }

  /** Every task that can be named. */
  get tasks(): Iterable<TaskConfig> {
    return this.#tasks.values();
  }

  /** Throws TASK_NOT_FOUND, and REQUEST_INVALID for a header that is no name. */
  resolve(source: TaskSource): Resolution {
    const fingerprint = this.#reader.read(source);
    const header = source.headers[HEADER];
    if (header !== undefined) return { task: this.#named(header, `the header ${HEADER}`), by: 'header', fingerprint };
    if (source.model.startsWith(ALIAS)) {
      return { task: this.#named(source.model.slice(ALIAS.length), 'the model'), by: 'alias', fingerprint };
    }
    const said = this.#tasks.size === 0 ? undefined : this.#tasks.get(metadataTask(source) ?? '');
    if (said !== undefined) return { task: said, by: 'metadata', fingerprint };
    const task = fingerprint === null ? undefined : this.#byFingerprint.get(fingerprint.hash);
    return { task: task ?? null, by: task === undefined ? null : 'fingerprint', fingerprint };
  }

  #named(name: string | string[], where: string): TaskConfig {
    if (typeof name !== 'string') throw new SmallfirstError('REQUEST_INVALID', `A request has one task, but ${where} names several.`);
    const task = this.#tasks.get(name);
    if (task !== undefined) return task;
    const shown = name.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
    throw new SmallfirstError('TASK_NOT_FOUND', `There is no task "${shown}", which ${where} names.`);
  }
}

/** `metadata.task`, read from its own span; null where it is not there or no text. */
function metadataTask({ body, members }: TaskSource): string | null {
  const metadata = lastMember(members, 'metadata');
  if (metadata === undefined || metadata.valueEnd - metadata.valueStart > MAX_METADATA_BYTES) return null;
  try {
    const value = memberValue(body, members, 'metadata');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'task')) return null;
    const { task } = value as { readonly task?: unknown };
    return typeof task === 'string' ? task : null;
  } catch (error) {
    if (error instanceof JsonShapeError) return null;
    throw error;
  }
}
