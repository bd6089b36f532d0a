import type { Call } from '../../src/core/index.ts';
import { openDataDir, openSqliteStore } from '../../src/store/index.ts';

const PAGE = 1_000;

/** Every row of a data directory's store, newest first. The gateway that owns it may be running or gone. */
export async function recordedCalls(dataDir: string): Promise<readonly Call[]> {
  const directory = await openDataDir(dataDir, { readOnly: true });
  const store = await openSqliteStore(directory.database);
  try {
    const calls: Call[] = [];
    for (;;) {
      const last = calls.at(-1);
      const page = await store.calls.list({}, last === undefined ? { limit: PAGE } : { limit: PAGE, before: last.id });
      calls.push(...page);
      if (page.length < PAGE) return calls;
    }
  } finally {
    await store.close();
    await directory.release();
  }
}
