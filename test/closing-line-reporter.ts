import { mkdirSync, writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a test run with one plain line of counts, so that any CI can read what ran. With SMALLFIRST_KEEP_TEST_COUNTS the line is also
 * kept in bench/results, where README quotes it from.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) counts[test.result().state] += 1;
    }
    const line = `Tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped + counts.pending} skipped`;
    if (process.env.SMALLFIRST_KEEP_TEST_COUNTS) {
      mkdirSync('bench/results', { recursive: true });
      writeFileSync(
        'bench/results/tests.json',
        `${JSON.stringify({ bench: 'tests', date: new Date().toISOString(), figures: { line } }, null, 2)}\n`,
      );
    }
    // After the default reporter's own summary, which is written on the same tick.
    setImmediate(() => console.log(`\n${line}`));
  }
}
