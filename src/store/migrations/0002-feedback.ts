import { columnTypes, type Migration } from './migration.ts';

/** Outcomes that clients report, found by request. No foreign key: feedback may arrive before the call it is about was ingested. */
export const feedback: Migration = {
  version: 2,
  name: 'feedback',
  statements: (dialect) => {
    const type = columnTypes(dialect);
    return [
      `create table feedback (
        id text not null primary key, request_id text not null, at ${type.integer} not null,
        key text, label text, score ${type.real}, comment text
      ) ${type.table}`,
      'create index feedback_by_request on feedback (request_id)',
      'create index feedback_by_time on feedback (at)',
    ];
  },
};
