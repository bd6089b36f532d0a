import type { FineTuneAdapter } from '../types.ts';
import type { AdapterAccess } from './access.ts';
import { fireworksAdapter } from './fireworks.ts';
import { mistralAdapter } from './mistral.ts';
import { openAiAdapter } from './openai.ts';
import { togetherAdapter } from './together.ts';

/** A provider that trains over HTTP, as a row. */
export interface HostedTrainer {
  readonly open: (access: AdapterAccess) => FineTuneAdapter;
  readonly baseUrl: string;
  /** The variable that holds its key by custom; read only for its own URL, never for a configured one. */
  readonly keyEnv: string;
  /** The variable that names the account, where its paths need one. */
  readonly accountEnv: string | null;
  /** A base model that it can train, for help texts. */
  readonly example: string;
  /** Rank of the adapter when nobody says one; null where the provider chooses. */
  readonly loraRank: number | null;
}

/** Every provider that trains over HTTP. */
export const hostedTrainers: Readonly<Record<string, HostedTrainer>> = {
  together: {
    open: togetherAdapter,
    baseUrl: 'https://api.together.ai/v1',
    keyEnv: 'TOGETHER_API_KEY',
    accountEnv: null,
    example: 'meta-llama/Meta-Llama-3.1-8B-Instruct-Reference',
    loraRank: 16,
  },
  fireworks: {
    open: fireworksAdapter,
    baseUrl: 'https://api.fireworks.ai',
    keyEnv: 'FIREWORKS_API_KEY',
    accountEnv: 'FIREWORKS_ACCOUNT_ID',
    example: 'accounts/fireworks/models/llama-v3p1-8b-instruct',
    loraRank: 16,
  },
  mistral: {
    open: mistralAdapter,
    baseUrl: 'https://api.mistral.ai/v1',
    keyEnv: 'MISTRAL_API_KEY',
    accountEnv: null,
    example: 'ministral-3b-latest',
    loraRank: null,
  },
  openai: {
    open: openAiAdapter,
    baseUrl: 'https://api.openai.com/v1',
    keyEnv: 'OPENAI_API_KEY',
    accountEnv: null,
    example: 'gpt-4o-mini-2024-07-18',
    loraRank: null,
  },
};

/** Name of the provider that is this machine. */
export const LOCAL = 'local';
