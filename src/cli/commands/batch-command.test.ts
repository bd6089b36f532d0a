import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { CommandIo } from '../io.ts';
import { addBatch } from './batch-command.ts';

describe('smallfirst batch --help', () => {
  it('says how many machines share a file', async () => {
    let said = '';
    const program = new Command('smallfirst').exitOverride().configureOutput({
      writeOut: (text) => {
        said += text;
      },
    });
    addBatch(program, {} as CommandIo, () => {});
    await expect(program.parseAsync(['node', 'smallfirst', 'batch', '--help'])).rejects.toMatchObject({ code: 'commander.helpDisplayed' });
    expect(said).toContain('smallfirst worker --redis');
    expect(said).toContain('smallfirst jobs submit PIPELINE --input FILE --output FILE');
  });
});
