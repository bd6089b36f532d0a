import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandIo, ExitCode } from '../io.ts';
import { configOption, dataOption, jsonOption } from '../options.ts';

const UNITS = { d: 86_400_000, h: 3_600_000 } as const;

/** `30d`, `12h` or a day such as 2026-10-01 (UTC). */
export type Since = { readonly agoMs: number } | { readonly at: number };

/** Reads how far back to look; throws for anything else. */
export function parseSince(text: string): Since {
  const [, count, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? [];
  if (count !== undefined && Number(count) > 0) return { agoMs: Number(count) * UNITS[unit as keyof typeof UNITS] };
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('It takes days or hours, as 30d or 12h, or a day, as 2026-10-01.');
  return { at };
}

/** `smallfirst replay`; what it does is loaded when it runs. */
export function addReplay(program: Command, io: CommandIo, setExitCode: (code: ExitCode) => void): void {
  program
    .command('replay')
    .description('what another policy would have done with recorded traffic, by the rule that answers live; exit 1 where it misses a floor')
    .requiredOption('--policy <file>', 'a lock file, or a config with the lock file beside it')
    .addOption(new Option('--since <span>', 'how far back: 30d, 12h or 2026-10-01').argParser(parseSince).default(parseSince('30d'), '30d'))
    .option('--task <name>', 'only this task')
    .addOption(configOption())
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options) => setExitCode(await (await import('./replay.ts')).runReplay(options, io)));
}
