import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the whole project, also from where this file was compiled to. */
export const ROOT: string = rootAbove(dirname(fileURLToPath(import.meta.url)));

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'test', 'engines', 'package.json'))) return folder;
  if (dirname(folder) === folder) throw new Error('the engines are not inside their project');
  return rootAbove(dirname(folder));
}

/** The packages of this folder, which the package of the whole project does not have. */
export const ENGINE_MODULES: string = join(ROOT, 'test', 'engines', 'node_modules');

/** The engine, as it is imported by its path. */
export const ENGINE_ENTRY: string = join(ENGINE_MODULES, 'node-llama-cpp', 'dist', 'index.js');

/** Whether the engine was installed in this folder: npm install --prefix test/engines --omit=optional --ignore-scripts */
export const isLlamaInstalled: boolean = existsSync(ENGINE_ENTRY);
