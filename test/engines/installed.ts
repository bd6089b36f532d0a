import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The packages of this folder, which the package of the whole project does not have. */
export const ENGINE_MODULES: string = join(fileURLToPath(new URL('.', import.meta.url)), 'node_modules');

/** The engine, as it is imported by its path. */
export const ENGINE_ENTRY: string = join(ENGINE_MODULES, 'node-llama-cpp', 'dist', 'index.js');

/** Whether the engine was installed in this folder: npm install --prefix test/engines --omit=optional --ignore-scripts */
export const isLlamaInstalled: boolean = existsSync(ENGINE_ENTRY);
