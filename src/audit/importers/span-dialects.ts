/** Names under which the dialects of tracing keep one thing, the current convention first. As data: a new dialect is a new name. */
export const attributeNames = {
  operation: ['gen_ai.operation.name'],
  provider: ['gen_ai.provider.name', 'gen_ai.system', 'llm.provider', 'llm.system', 'ai.model.provider', 'llm.vendor'],
  requestModel: [
    ...['gen_ai.request.model', 'llm.request.model', 'ai.model.id', 'llm.model_name', 'embedding.model_name'],
    ...['langfuse.observation.model.name', 'llm.model', 'mlflow.chat.model', 'model_name'],
  ],
  responseModel: ['gen_ai.response.model', 'ai.response.model', 'llm.response.model'],
  responseId: ['gen_ai.response.id', 'ai.response.id'],
  input: [
    ...['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens', 'llm.token_count.prompt', 'llm.usage.prompt_tokens'],
    ...['ai.usage.inputTokens', 'ai.usage.promptTokens', 'ai.usage.tokens'],
  ],
  output: [
    ...['gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens', 'llm.token_count.completion', 'llm.usage.completion_tokens'],
    ...['ai.usage.outputTokens', 'ai.usage.completionTokens'],
  ],
  total: ['gen_ai.usage.total_tokens', 'llm.usage.total_tokens', 'llm.token_count.total', 'ai.usage.totalTokens'],
  cacheRead: [
    ...['gen_ai.usage.cache_read.input_tokens', 'gen_ai.usage.cache_read_input_tokens', 'gen_ai.usage.details.cache_read_tokens'],
    ...['gen_ai.usage.details.cache_read_input_tokens', 'gen_ai.usage.details.cached_tokens', 'gen_ai.usage.input_tokens.cached'],
    ...['gen_ai.usage.cached_tokens', 'llm.token_count.prompt_details.cache_read', 'llm.usage.cache_read_input_tokens'],
    ...['ai.usage.cachedInputTokens', 'ai.usage.inputTokenDetails.cacheReadTokens'],
  ],
  cacheWrite: [
    ...['gen_ai.usage.cache_creation.input_tokens', 'gen_ai.usage.cache_creation_input_tokens', 'gen_ai.usage.details.cache_write_tokens'],
    ...['gen_ai.usage.details.cache_creation_input_tokens', 'llm.token_count.prompt_details.cache_write'],
    ...['llm.usage.cache_creation_input_tokens', 'ai.usage.inputTokenDetails.cacheWriteTokens'],
  ],
  reasoning: [
    ...['gen_ai.usage.reasoning.output_tokens', 'gen_ai.usage.reasoning_tokens', 'gen_ai.usage.details.reasoning_tokens'],
    ...['llm.token_count.completion_details.reasoning', 'llm.usage.reasoning_tokens', 'ai.usage.reasoningTokens'],
    ...['ai.usage.outputTokenDetails.reasoningTokens'],
  ],
  audioInput: ['llm.token_count.prompt_details.audio'],
  audioOutput: ['llm.token_count.completion_details.audio'],
  cost: ['gen_ai.usage.cost', 'operation.cost', 'llm.cost.total', 'gen_ai.usage.total_cost'],
  temperature: ['gen_ai.request.temperature', 'ai.settings.temperature', 'llm.temperature'],
  maxTokens: ['gen_ai.request.max_tokens', 'ai.settings.maxOutputTokens', 'ai.settings.maxTokens', 'llm.request.max_tokens'],
  serviceTier: ['gen_ai.openai.response.service_tier', 'openai.response.service_tier', 'gen_ai.openai.request.service_tier'],
  conversation: ['gen_ai.conversation.id', 'session.id', 'traceloop.association.properties.session_id', 'langfuse.session.id'],
  user: ['user.id', 'enduser.id', 'langfuse.user.id', 'traceloop.association.properties.user_id', 'ai.telemetry.metadata.userId'],
  team: ['ai.telemetry.metadata.team', 'metadata.team', 'team'],
  tag: [
    ...['smallfirst.task', 'ai.telemetry.metadata.task', 'ai.telemetry.metadata.feature', 'traceloop.association.properties.task'],
    ...['langfuse.observation.metadata.task', 'langfuse.trace.metadata.task', 'metadata.task', 'task', 'feature'],
  ],
  functionId: [
    ...['ai.telemetry.functionId', 'resource.name', 'gen_ai.agent.name', 'agent_name', 'traceloop.entity.name'],
    ...['langfuse.trace.name', 'gcp.vertex.agent.agent_name'],
  ],
  promptName: [
    'gen_ai.prompt.name',
    'langfuse.observation.prompt.name',
    'llm.prompt_template.name',
    'traceloop.prompt.key',
    'traceloop.prompt.managed.key',
  ],
  route: ['gen_ai.workflow.name', 'traceloop.workflow.name', 'traceloop.entity.path', 'http.route'],
  finish: ['gen_ai.response.finish_reasons', 'ai.response.finishReason', 'llm.response.finish_reason', 'gen_ai.completion.0.finish_reason'],
  format: ['gen_ai.output.schema', 'ai.schema', 'gen_ai.output.type', 'llm.response_format'],
} as const;

/** Operations of the convention that call a model; every other one is a tool, an agent or a workflow around calls. */
export const modelOperations: ReadonlySet<string> = new Set([
  'chat',
  'text_completion',
  'generate_content',
  'embeddings',
  'completion',
  'embedding',
  'responses',
]);

/** What says of a span, in another dialect, whether it is a model call: the attribute, and its values that mean yes. Any other means no. */
export const spanKinds: readonly (readonly [name: string, calls: RegExp])[] = [
  ['ai.operationId', /\.(?:doGenerate|doStream|doEmbed)$/],
  ['openinference.span.kind', /^(?:LLM|EMBEDDING)$/i],
  ['langfuse.observation.type', /^(?:generation|embedding)$/i],
  ['mlflow.spanType', /^"?(?:CHAT_MODEL|LLM|EMBEDDING)"?$/],
  ['llm.request.type', /^(?:chat|completion|embedding|rerank)$/],
  ['traceloop.span.kind', /^(?:llm|generation)$/i],
];

/** Attributes that only a span around model calls has: its counts are sums over calls that have spans of their own. */
export const aroundCalls: readonly string[] = [
  'pydantic_ai.all_messages',
  'all_messages_events',
  'agent_name',
  'gcp.vertex.agent.tool_call_args',
];
