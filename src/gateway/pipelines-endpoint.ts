import type { PipelineConfig } from '../config/index.ts';
import type { JsonObject } from '../providers/index.ts';
import { answerJson } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { nameInPath, pipelineFor } from './pipeline-request.ts';
import { mayUsePipeline, PIPELINE_ALIAS } from './pipeline-scope.ts';
import type { Pipelines } from './pipeline-types.ts';

/** Pipelines that a caller may run, by the names that stand in `model`. */
export function pipelineAliases({ caller }: Exchange, { configs, tasks }: Pipelines): readonly string[] {
  return [...configs.values()].filter((one) => mayUsePipeline(caller, one, tasks)).map(({ name }) => `${PIPELINE_ALIAS}${name}`);
}

/** `GET /v1/pipelines` and `GET /v1/pipelines/NAME`: what the caller may run. Throws PIPELINE_NOT_FOUND and FORBIDDEN. */
export function answerPipelines(exchange: Exchange, pipelines: Pipelines): void {
  const { configs, tasks } = pipelines;
  if (exchange.path !== '/v1/pipelines') {
    answerJson(exchange, 200, shapeOf(pipelineFor(exchange, pipelines, nameInPath(exchange.path))));
    return;
  }
  const open = [...configs.values()].filter((one) => mayUsePipeline(exchange.caller, one, tasks));
  answerJson(exchange, 200, { object: 'list', data: open.map(shapeOf) });
}

function shapeOf({ name, steps }: PipelineConfig): JsonObject {
  return {
    id: name,
    object: 'pipeline',
    steps: steps.map(({ name: step, task, when, controller }) => ({
      step,
      ...(task === null ? {} : { task }),
      ...(controller === null ? {} : { controller: controller.model, tasks: [...controller.tasks] }),
      ...(when === null ? {} : { when: when.source }),
    })),
  };
}
