import type * as sdk6 from 'openai';
import type * as zod6 from 'openai/helpers/zod';

/** OpenAI's SDK as this Node can run it: the seventh version needs 22, the sixth goes down to 20. Types are those of the sixth. */
const [sdk, zod] =
  Number(process.versions.node.split('.')[0]) >= 22
    ? ((await Promise.all([import('openai-7'), import('openai-7/helpers/zod')])) as unknown as [typeof sdk6, typeof zod6])
    : await Promise.all([import('openai'), import('openai/helpers/zod')]);

export const { default: OpenAiClient, toFile, NotFoundError, BadRequestError, RateLimitError, InternalServerError } = sdk;
export const { zodResponseFormat, zodTextFormat } = zod;
