import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { migrations, schemaVersion } from './migrate.ts';
import type { Dialect } from './migration.ts';

/** Never change a line of this table: databases out there have been through these statements. Add a line for a new file. */
const released: readonly (readonly [number, string, Dialect, string])[] = [
  [1, 'initial', 'sqlite', '2825881420b30e56af4d3ba54d49c11eeb39252f8cd2487d48c1e33ac0b0cb79'],
  [1, 'initial', 'postgres', 'e6bec10aa6857416197f44a4c5d85a15772273fa298e35ff7a8957912cec21cb'],
  [2, 'feedback', 'sqlite', 'feb70be14b951217d8ca5c4bc52a46d48f2600d01adf30f90ed9d28cbae35eeb'],
  [2, 'feedback', 'postgres', 'aaba8752f8fab9d49831b188e0229feece34c9efb34208a8d2abf3ec03e5a73d'],
  [3, 'templates', 'sqlite', '55fb1f4a1644c0b3a467ba96b9ca673b775d9e0dc7fd035826feeaade95ac9d7'],
  [3, 'templates', 'postgres', 'c3d0d0df4bdfead8bfdc21d2bb4f1dbe0b6fe0a52cb7ee020fb6095e5693e45a'],
  [4, 'task-life', 'sqlite', '6f2016fc65612c13f01a064898f02353fda9069fd72b29d8c54a203be28466cc'],
  [4, 'task-life', 'postgres', '691fc06ab5c9a80a79494c4041a06396a88557f41af8b22eadf1be4d355cfc8a'],
  [5, 'bulk-work', 'sqlite', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [5, 'bulk-work', 'postgres', '27fb229341a45bbc86b6ccd9ab68cf6ebd3e6b999a9a0c79cabac1aee6af8125'],
];

describe('migrations', () => {
  it('are numbered from 1 without a gap', () => {
    expect(migrations.map((migration) => migration.version)).toEqual(migrations.map((_, index) => index + 1));
    expect(schemaVersion).toBe(migrations.length);
  });

  it('are never edited once released', () => {
    const found = migrations.flatMap((migration) =>
      (['sqlite', 'postgres'] as const).map((dialect) => {
        const text = migration.statements(dialect).map((statement) => statement.replace(/\s+/g, ' ').trim());
        return [migration.version, migration.name, dialect, createHash('sha256').update(text.join('\n')).digest('hex')];
      }),
    );
    expect(found).toEqual(released);
  });
});
