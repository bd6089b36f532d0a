#!/usr/bin/env node
import { CommanderError } from 'commander';
import { errorTable, located, SmallfirstError } from '../core/errors.ts';
import { terminalIo } from './io.ts';
import { buildProgram } from './program.ts';

const interrupt = new AbortController();
process.once('SIGINT', () => {
  interrupt.abort();
  // A second Ctrl-C does not wait for a safe point.
  process.once('SIGINT', () => process.exit(130));
});
process.once('SIGTERM', () => interrupt.abort());

const io = terminalIo(interrupt.signal);
try {
  process.exitCode = 0;
  await buildProgram(io, (code) => {
    process.exitCode = code;
  }).parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

/** The table's hint, in the words of someone at a terminal where the table speaks to a client of the gateway. */
function hintOf(error: SmallfirstError): string {
  if (error.code === 'STORE_UNAVAILABLE') return 'Check that the data directory may be written, or name another with --data.';
  if (error.code === 'ABORTED') return 'Run the same command again.';
  if (error.code === 'INPUT_INVALID' && error.position?.line === undefined) return 'Correct the file. Nothing was written.';
  return errorTable[error.code].hint;
}

/** Says what went wrong in one or two lines; a stack trace only for a bug. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof SmallfirstError) {
    io.note(`error: ${located(error)}`);
    io.note(`  ${hintOf(error)}`);
    return error.code === 'INTERNAL' ? 70 : 2;
  }
  io.note(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  io.note(`  ${errorTable.INTERNAL.hint}`);
  return 70;
}
