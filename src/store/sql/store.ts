import type { Kysely } from 'kysely';
import type { Store } from '../types.ts';
import { sqlBodyStore } from './bodies.ts';
import { type CallWriter, sqlCallStore } from './calls.ts';
import { sqlCertificateStore } from './certificates.ts';
import { sqlEvalStore } from './evals.ts';
import { sqlFeedbackStore } from './feedback.ts';
import { sqlLookStore } from './looks.ts';
import { sqlPairStore } from './pairs.ts';
import type { Tables } from './tables.ts';
import { sqlTaskEventStore } from './task-events.ts';
import { sqlTemplateStore } from './templates.ts';

/** A store over SQL: the shared queries, and what an engine does its own way. */
export function sqlStore(db: Kysely<Tables>, engine: { readonly writer: CallWriter; readonly flush: () => Promise<void> }): Store {
  return {
    calls: sqlCallStore(db, engine.writer),
    bodies: sqlBodyStore(db),
    pairs: sqlPairStore(db),
    looks: sqlLookStore(db),
    events: sqlTaskEventStore(db),
    evals: sqlEvalStore(db),
    certificates: sqlCertificateStore(db),
    feedback: sqlFeedbackStore(db),
    templates: sqlTemplateStore(db),
    flush: engine.flush,
    close: () => db.destroy(),
  };
}
