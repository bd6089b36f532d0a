import type { ProviderRow } from './types.ts';
import { createHttpClient } from './upstream/http-client.ts';
import { loraStyles } from './upstream/lora/index.ts';
import { type Vendor, vendors } from './vendors.ts';

const rows: Readonly<Record<string, Vendor>> = vendors;

/** Every vendor as a provider: a model of it needs a URL only where the vendor has none of its own. */
export const httpProviders: Readonly<Record<keyof typeof vendors, ProviderRow>> = Object.fromEntries(
  Object.entries(rows).map(([name, vendor]): [string, ProviderRow] => [
    name,
    {
      needs: vendor.url === null ? ['url'] : [],
      capabilities: vendor.capabilities,
      ...(vendor.lora === undefined ? {} : { lora: loraStyles[vendor.lora] }),
      open: async (source, deps) => createHttpClient(deps.upstream(source.name)),
    },
  ]),
) as Record<keyof typeof vendors, ProviderRow>;
