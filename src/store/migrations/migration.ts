/** The SQL engine that a statement is for. */
export type Dialect = 'sqlite' | 'postgres';

/** One step of the schema. Its file is never edited once released: a change is a new file with the next number. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  /** The statements of this step, in order. */
  readonly statements: (dialect: Dialect) => readonly string[];
}

/** Column types and table options by engine. SQLite tables are STRICT, so that an integer can never turn into a rounded real. */
export function columnTypes(dialect: Dialect) {
  return dialect === 'sqlite'
    ? {
        identity: 'integer primary key',
        integer: 'integer',
        real: 'real',
        bytes: 'blob',
        table: 'strict',
        clustered: 'strict, without rowid',
      }
    : {
        identity: 'bigint primary key generated always as identity',
        integer: 'bigint',
        real: 'double precision',
        bytes: 'bytea',
        table: '',
        clustered: '',
      };
}
