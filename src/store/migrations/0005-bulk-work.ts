import { columnTypes, type Migration } from './migration.ts';

/**
 * Bulk work that many machines share: jobs, cells (rows that are still to be done) and results, one for each row of a job. It is made in
 * PostgreSQL alone, because a SQLite file belongs to one machine.
 */
export const bulkWork: Migration = {
  version: 5,
  name: 'bulk-work',
  statements: (dialect) => {
    if (dialect === 'sqlite') return [];
    const type = columnTypes(dialect);
    return [
      `create table work_jobs (
        id text not null primary key, pipeline text not null, pipeline_hash text not null,
        input text not null, input_version text not null, request text not null,
        state text not null, reason text, is_loaded boolean not null,
        created_at ${type.integer} not null, finished_at ${type.integer},
        concurrency ${type.integer}, max_cost ${type.integer},
        spent ${type.integer} not null, reserved ${type.integer} not null, is_unpriced boolean not null,
        row_count ${type.integer} not null, cell_count ${type.integer} not null,
        done ${type.integer} not null, failed ${type.integer} not null,
        escalated ${type.integer} not null, duplicates ${type.integer} not null
      )`,
      'create index work_jobs_by_state on work_jobs (state, pipeline_hash)',
      // A cell is removed with its last result: what is here is what is left to do.
      `create table work_cells (
        job text not null references work_jobs (id) on delete cascade, cell ${type.integer} not null,
        rows text not null, attempts ${type.integer} not null, attempt text, leased_until timestamptz,
        reserved ${type.integer} not null,
        primary key (job, cell)
      )`,
      // The key is what makes the effect of a row happen once, however often it is delivered.
      `create table work_results (
        job text not null references work_jobs (id) on delete cascade, ordinal ${type.integer} not null,
        attempt text not null, is_error boolean not null, line text not null, retry_row text,
        primary key (job, ordinal)
      )`,
      'create index work_results_failed on work_results (job, ordinal) where is_error',
    ];
  },
};
