import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { SmallfirstError } from '../../core/index.ts';
import { type GpuCatalogue, withOwnGpus } from '../../finops/index.ts';

const positive = z.number().positive();
const count = z.int().min(1);
const date = z.string().regex(/^\d{4}-\d{2}(-\d{2})?$/, 'must read 2026-11 or 2026-11-22');

const schema = z.strictObject({
  offers: z
    .array(z.strictObject({ name: z.string().min(1), memoryGib: positive, usdPerHour: z.number().min(0), source: z.string().min(1), date }))
    .default([]),
  throughputs: z
    .array(
      z
        .strictObject({
          gpu: z.string().min(1),
          model: z.string().min(1),
          precision: z.string().min(1),
          concurrency: count,
          inputTokens: count.nullable().default(null),
          outputTokens: count.nullable().default(null),
          outputTokensPerSecond: positive,
          totalTokensPerSecond: positive,
          source: z.string().min(1),
          date,
        })
        .refine((row) => row.totalTokensPerSecond >= row.outputTokensPerSecond, 'totalTokensPerSecond holds outputTokensPerSecond'),
    )
    .default([]),
});

/** The bundled catalogue with the rows of a file (YAML or JSON) in front. Throws CONFIG_NOT_FOUND, or CONFIG_INVALID with everything that is wrong. */
export async function loadGpus(file: string): Promise<GpuCatalogue> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SmallfirstError('CONFIG_NOT_FOUND', `No list of GPUs at ${file}.`, { cause });
  });
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new SmallfirstError('CONFIG_INVALID', `The list of GPUs is no YAML: ${(cause as Error).message}`, { cause, position: { file } });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new SmallfirstError('CONFIG_INVALID', z.prettifyError(parsed.error), { position: { file } });
  return withOwnGpus(parsed.data);
}
