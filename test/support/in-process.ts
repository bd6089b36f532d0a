import type { Command } from 'commander';
import type { CommandIo, ExitCode } from '../../src/cli/io.ts';
import { SmallfirstError } from '../../src/core/index.ts';
import type { Finished } from './cli.ts';

/** The built program's module: its threads are JavaScript files, which the sources are not. */
const PROGRAM = new URL('../../dist/cli/program.js', import.meta.url).href;

type BuildProgram = (io: CommandIo, setExitCode: (code: ExitCode) => void) => Command;

/** Runs the built `smallfirst` in this process, which saves the start of one. An error of ours ends it with exit 2, as `main` does. */
export async function inProcess(folder: string, args: readonly string[]): Promise<Finished> {
  const { buildProgram } = (await import(PROGRAM)) as { readonly buildProgram: BuildProgram };
  const said = { out: '', err: '' };
  let exit: ExitCode = 0;
  const io: CommandIo = {
    out: (text) => {
      said.out += text;
    },
    json: (document) => {
      said.out += `${JSON.stringify(document)}\n`;
    },
    note: (text) => {
      said.err += `${text}\n`;
    },
    progress: () => ({ advance: () => {}, end: () => {} }),
    env: {},
    cwd: folder,
    signal: new AbortController().signal,
    width: 120,
  };
  try {
    await buildProgram(io, (code) => {
      exit = code;
    }).parseAsync([...args], { from: 'user' });
  } catch (error) {
    // The program has its own copy of the class.
    if ((error as Error).name !== SmallfirstError.name && !(error instanceof Error && 'code' in error)) throw error;
    said.err += `${(error as Error).message}\n`;
    exit = 2;
  }
  return { exit, ...said };
}
