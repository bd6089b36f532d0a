import { stringify } from 'yaml';
import type { Json } from '../../core/index.ts';
import type { JobSpec } from '../types.ts';

/** Tools that a job can be run with on a machine of one's own. */
export type LocalTool = 'axolotl' | 'trl' | 'unsloth';

/** Names of what is written into a job's folder. */
export const LOCAL_FILES = {
  training: 'train.jsonl',
  validation: 'validation.jsonl',
  preferences: 'train-axolotl.jsonl',
  axolotl: 'axolotl.yaml',
  trl: 'trl.json',
  unsloth: 'unsloth.json',
  model: 'model',
} as const;

const DEFAULT_LEARNING_RATE = { sft: 2e-4, dpo: 5e-6, classifier: 2e-4 } as const;
const DEFAULT_MAX_TOKENS = 2048;
/** Rows that are learnt from at once, on one machine: two at a time, their gradients added up four times. */
const DEFAULT_BATCH = 8;
const MICRO_BATCH = 2;

/** What `axolotl train axolotl.yaml` reads. LoRA over every linear layer, or all weights without a rank. */
export function axolotlYaml(spec: JobSpec, chatTemplate: string | null): string {
  return `# Written by smallfirst for job ${spec.id}. Run it with: sh run.sh axolotl\n${stringify(axolotlConfig(spec, chatTemplate), { lineWidth: 0 })}`;
}

function axolotlConfig(spec: JobSpec, chatTemplate: string | null): { readonly [key: string]: Json } {
  const { hyperparameters: how, method } = spec;
  const validated = method === 'sft' && spec.validation !== null;
  return {
    base_model: spec.baseModel,
    ...(chatTemplate === null ? { chat_template: 'tokenizer_default' } : { chat_template: 'jinja', chat_template_jinja: chatTemplate }),
    ...(method === 'dpo' ? { rl: 'dpo', ...(how.dpoBeta === null ? {} : { rl_beta: how.dpoBeta }) } : {}),
    datasets: [dataset(method === 'dpo' ? LOCAL_FILES.preferences : LOCAL_FILES.training, method)],
    ...(validated ? { test_datasets: [{ ...dataset(LOCAL_FILES.validation, method), split: 'train' }] } : { val_set_size: 0 }),
    dataset_prepared_path: 'prepared',
    output_dir: LOCAL_FILES.model,
    sequence_len: how.maxTokens ?? DEFAULT_MAX_TOKENS,
    sample_packing: false,
    ...(how.loraRank === null
      ? {}
      : { adapter: 'lora', lora_r: how.loraRank, lora_alpha: how.loraRank * 2, lora_dropout: 0.05, lora_target_linear: true }),
    ...batches(how.batchSize, 'micro_batch_size', 'gradient_accumulation_steps'),
    num_epochs: how.epochs,
    optimizer: 'adamw_torch',
    lr_scheduler: 'cosine',
    learning_rate: how.learningRate ?? DEFAULT_LEARNING_RATE[method],
    warmup_ratio: 0.1,
    bf16: 'auto',
    gradient_checkpointing: true,
    logging_steps: 1,
    saves_per_epoch: 1,
    seed: how.seed,
  };
}

function dataset(path: string, method: JobSpec['method']): { readonly [key: string]: Json } {
  if (method === 'dpo')
    return { path, type: 'chat_template.default', field_messages: 'messages', field_chosen: 'chosen', field_rejected: 'rejected' };
  // `turn`: the end of every answer that is learnt is learnt, too; a model that never learnt to stop does not.
  return { path, ds_type: 'json', type: 'chat_template', field_messages: 'messages', roles_to_train: ['assistant'], train_on_eos: 'turn' };
}

function batches(size: number | null, micro: string, accumulated: string): { readonly [key: string]: Json } {
  const batch = size ?? DEFAULT_BATCH;
  const each = batch % MICRO_BATCH === 0 ? MICRO_BATCH : 1;
  return { [micro]: each, [accumulated]: batch / each };
}

/** What train_trl.py reads: `args` are TRL's own SFTConfig or DPOConfig, `lora` is PEFT's LoraConfig. */
export function trlConfig(spec: JobSpec, chatTemplate: string | null): { readonly [key: string]: Json } {
  const { hyperparameters: how } = spec;
  return {
    job: spec.id,
    method: spec.method,
    model: spec.baseModel,
    chatTemplate,
    files: { training: LOCAL_FILES.training, validation: spec.validation === null ? null : LOCAL_FILES.validation },
    args: trainerArguments(spec),
    lora:
      how.loraRank === null
        ? null
        : {
            r: how.loraRank,
            lora_alpha: how.loraRank * 2,
            lora_dropout: 0.05,
            bias: 'none',
            target_modules: 'all-linear',
            task_type: 'CAUSAL_LM',
          },
  };
}

/** What train_unsloth.py reads: `load` and `lora` are unsloth's own arguments, `args` are TRL's. */
export function unslothConfig(spec: JobSpec, chatTemplate: string | null): { readonly [key: string]: Json } {
  const { hyperparameters: how } = spec;
  return {
    ...trlConfig(spec, chatTemplate),
    load: {
      model_name: spec.baseModel,
      max_seq_length: how.maxTokens ?? DEFAULT_MAX_TOKENS,
      load_in_4bit: how.loraRank !== null,
      full_finetuning: how.loraRank === null,
    },
    lora:
      how.loraRank === null
        ? null
        : {
            r: how.loraRank,
            lora_alpha: how.loraRank * 2,
            lora_dropout: 0,
            bias: 'none',
            target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
            use_gradient_checkpointing: 'unsloth',
            random_state: how.seed,
          },
  };
}

function trainerArguments(spec: JobSpec): { readonly [key: string]: Json } {
  const { hyperparameters: how, method, validation } = spec;
  return {
    output_dir: 'checkpoints',
    num_train_epochs: how.epochs,
    ...batches(how.batchSize, 'per_device_train_batch_size', 'gradient_accumulation_steps'),
    learning_rate: how.learningRate ?? DEFAULT_LEARNING_RATE[method],
    lr_scheduler_type: 'cosine',
    max_length: how.maxTokens ?? DEFAULT_MAX_TOKENS,
    logging_steps: 1,
    save_strategy: 'no',
    ...(validation === null ? {} : { eval_strategy: 'epoch' }),
    seed: how.seed,
    report_to: 'none',
    ...(method === 'dpo' ? { beta: how.dpoBeta ?? 0.1 } : { packing: false, completion_only_loss: true }),
  };
}
