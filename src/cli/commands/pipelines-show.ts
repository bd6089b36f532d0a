import { resolve } from 'node:path';
import { type Config, loadConfig, type PipelineConfig } from '../../config/index.ts';
import { SmallfirstError } from '../../core/index.ts';
import { writeAtomically } from '../../student/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { knownProviders } from '../known-providers.ts';
import { graphOf, mermaidOf, type PipelineGraph, textOf } from './pipelines-graph.ts';
import { svgOf } from './pipelines-svg.ts';
import { pipelineNamed } from './run.ts';

export interface PipelinesShowOptions {
  readonly format: 'text' | 'mermaid' | 'svg';
  readonly out?: string;
  readonly config: string;
  readonly json: boolean;
}

/** `smallfirst pipelines show`: what a pipeline does, drawn. */
export async function runPipelinesShow(name: string | undefined, options: PipelinesShowOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers: knownProviders() });
  const graphs = chosen(config, name).map((pipeline) => graphOf(pipeline, config));
  if (options.json) {
    io.json({ pipelines: graphs });
    return 0;
  }
  const drawn = draw(graphs, options);
  if (options.out === undefined) io.out(drawn);
  else {
    await writeAtomically(resolve(io.cwd, options.out), drawn);
    io.note(`Written to ${options.out}.`);
  }
  return 0;
}

function chosen(config: Config, name: string | undefined): readonly PipelineConfig[] {
  if (name !== undefined) return [pipelineNamed(config.pipelines, name)];
  if (config.pipelines.size > 0) return [...config.pipelines.values()];
  throw new SmallfirstError('USAGE', 'The config declares no pipeline; add one under `pipelines:`.');
}

function draw(graphs: readonly PipelineGraph[], { format }: PipelinesShowOptions): string {
  if (format === 'text') return graphs.map(textOf).join('\n');
  if (format === 'mermaid') return graphs.map(mermaidOf).join('\n');
  const [first, ...rest] = graphs;
  if (first === undefined || rest.length > 0) throw new SmallfirstError('USAGE', 'An SVG holds one pipeline; name it.');
  return svgOf(first);
}
