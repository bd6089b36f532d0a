import { columnTypes, type Migration } from './migration.ts';

/**
 * What the life of a task in traffic leaves: where a pair came from and what was answered, the looks at growing evidence, and events.
 * A pair of before was uploaded with its labels, so that is what the new members say of it.
 */
export const taskLife: Migration = {
  version: 4,
  name: 'task-life',
  statements: (dialect) => {
    const type = columnTypes(dialect);
    const pairColumns = [
      'request_id text',
      'certificate text',
      'prompt text',
      'served_small text',
      'served_big text',
      'input text',
      'small_output text',
      'big_output text',
      "judged_by text not null default 'label'",
      `skip ${type.integer} not null default 0`,
    ];
    return [
      ...pairColumns.map((column) => `alter table pairs add column ${column}`),
      'create index pairs_by_time on pairs (task, at)',
      `create table looks (
        id text not null primary key, task text not null, small text not null, big text not null,
        series text not null, k ${type.integer} not null, n ${type.integer} not null, delta ${type.real} not null,
        at ${type.integer} not null, taken_by text not null, method text not null, verdict text not null,
        retained ${type.real}, lower_bound ${type.real}, certificate text
      ) ${type.table}`,
      'create unique index looks_by_series on looks (task, small, big, series, k)',
      `create table task_events (
        id text not null primary key, task text not null, at ${type.integer} not null, kind text not null,
        certificate text, reason text not null, detail text not null
      ) ${type.table}`,
      'create index task_events_by_task on task_events (task, at)',
    ];
  },
};
