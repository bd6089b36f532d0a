import { columnTypes, type Migration } from './migration.ts';

/** Masked prompt templates by fingerprint: what unnamed traffic is recognised by. Volumes come from the rows of calls. */
export const templates: Migration = {
  version: 3,
  name: 'templates',
  statements: (dialect) => {
    const type = columnTypes(dialect);
    return [`create table templates (hash text not null primary key, masked text not null, at ${type.integer} not null) ${type.clustered}`];
  },
};
