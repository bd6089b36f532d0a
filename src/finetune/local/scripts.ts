/** A conversation whose rendering tells one chat template from another: two turns, and the words that ask for an answer. */
export const PROBE_CONVERSATION = [
  { role: 'user', content: 'first probe' },
  { role: 'assistant', content: 'first answer' },
  { role: 'user', content: 'second probe' },
] as const;

/** smallfirst_rows.py: reading rows, settling the chat template, and recording it. Shared by both scripts. */
export const ROWS_PY = `"""Rows and chat template of a smallfirst training job. Written by smallfirst; yours to change."""
import hashlib
import json
import sys

PROBE = ${JSON.stringify(PROBE_CONVERSATION)}


def load_config(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def load_rows(path, method):
    """SFT rows become a prompt and completion per answer, so that only answers are learnt; DPO rows become prompt, chosen and rejected."""
    from datasets import Dataset

    rows = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.strip():
                continue
            row = json.loads(line)
            if method == "dpo":
                rows.append({
                    "prompt": row["input"]["messages"],
                    "chosen": row["preferred_output"],
                    "rejected": row["non_preferred_output"],
                })
            else:
                messages = row["messages"]
                for index, message in enumerate(messages):
                    if message["role"] != "assistant" or index == 0:
                        continue
                    made = {"prompt": messages[:index], "completion": [message]}
                    if row.get("tools"):
                        made["tools"] = json.dumps(row["tools"])
                    rows.append(made)
    return Dataset.from_list(rows)


def settle_template(tokenizer, config):
    """The template of the file that was named, else the tokenizer's own; without one, rows cannot be written for the model."""
    if config.get("chatTemplate"):
        tokenizer.chat_template = config["chatTemplate"]
    if not tokenizer.chat_template:
        sys.exit("The tokenizer of %s has no chat template: name one with --chat-template." % config["model"])
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token


def record_template(tokenizer, path="template.json"):
    """Writes what smallfirst compares with the serving endpoint."""
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default") or next(iter(template.values()))
    probe = tokenizer.apply_chat_template(PROBE, tokenize=False, add_generation_prompt=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({
            "chat_template": template,
            "eos_token": tokenizer.eos_token,
            "probe": probe,
            "sha256": hashlib.sha256(template.encode("utf-8")).hexdigest(),
        }, file, ensure_ascii=False, indent=2)


def device_arguments():
    """Half precision where the machine has it; a machine without an accelerator computes in full precision."""
    import torch

    cuda = torch.cuda.is_available()
    mps = getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available()
    bf16 = cuda and torch.cuda.is_bf16_supported()
    return {"bf16": bf16, "fp16": cuda and not bf16, "use_cpu": not cuda and not mps}
`;

/** train_trl.py: SFT or DPO with TRL. */
export const TRL_PY = `"""Trains with TRL what trl.json says. Written by smallfirst; yours to change."""
from peft import LoraConfig
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from smallfirst_rows import device_arguments, load_config, load_rows, record_template, settle_template

config = load_config("trl.json")
method = config["method"]
tokenizer = AutoTokenizer.from_pretrained(config["model"])
settle_template(tokenizer, config)
record_template(tokenizer)

training = load_rows(config["files"]["training"], method)
validation = load_rows(config["files"]["validation"], method) if config["files"]["validation"] else None
arguments = {**config["args"], **device_arguments()}
Config, Trainer = (DPOConfig, DPOTrainer) if method == "dpo" else (SFTConfig, SFTTrainer)
trainer = Trainer(
    model=config["model"],
    args=Config(**arguments),
    train_dataset=training,
    eval_dataset=validation,
    processing_class=tokenizer,
    peft_config=LoraConfig(**config["lora"]) if config["lora"] else None,
)
trainer.train()
trainer.save_model("model")
tokenizer.save_pretrained("model")
# Whole weights beside the adapter: what converters to GGUF and engines without adapters read.
if config["lora"]:
    trainer.model.merge_and_unload().save_pretrained("merged")
    tokenizer.save_pretrained("merged")
`;

/** train_unsloth.py: the same with unsloth. */
export const UNSLOTH_PY = `"""Trains with unsloth what unsloth.json says. Written by smallfirst; yours to change."""
from unsloth import FastLanguageModel, PatchDPOTrainer  # must come before trl

from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from smallfirst_rows import device_arguments, load_config, load_rows, record_template, settle_template

config = load_config("unsloth.json")
method = config["method"]
if method == "dpo":
    PatchDPOTrainer()
model, tokenizer = FastLanguageModel.from_pretrained(**config["load"])
settle_template(tokenizer, config)
record_template(tokenizer)
if config["lora"]:
    model = FastLanguageModel.get_peft_model(model, **config["lora"])

training = load_rows(config["files"]["training"], method)
validation = load_rows(config["files"]["validation"], method) if config["files"]["validation"] else None
arguments = {**config["args"], **device_arguments()}
Config, Trainer = (DPOConfig, DPOTrainer) if method == "dpo" else (SFTConfig, SFTTrainer)
trainer = Trainer(
    model=model,
    args=Config(**arguments),
    train_dataset=training,
    eval_dataset=validation,
    processing_class=tokenizer,
)
trainer.train()
model.save_pretrained("model")
tokenizer.save_pretrained("model")
if config["lora"]:
    model.save_pretrained_merged("merged", tokenizer, save_method="merged_16bit")
`;

/** run.sh: checks that the tool is there, runs it, and says in exit.json how it ended. */
export const RUN_SH = `#!/bin/sh
# Trains this job. Usage: sh run.sh axolotl|trl|unsloth [--check]
# Written by smallfirst; the folder may be copied to another machine and brought back with what it holds then.
cd "$(dirname "$0")" || exit 1
tool=\${1:-trl}
python=\${PYTHON:-python3}

case $tool in
  axolotl) found() { command -v axolotl; }; wanted='axolotl' ;;
  trl) found() { "$python" -c 'import trl, peft, datasets'; }; wanted='trl peft datasets' ;;
  unsloth) found() { "$python" -c 'import unsloth, trl, datasets'; }; wanted='unsloth' ;;
  *) echo "unknown tool $tool: take axolotl, trl or unsloth" >&2; exit 2 ;;
esac
if ! found >/dev/null 2>&1; then
  echo "$tool is not installed here: pip install $wanted" >&2
  exit 127
fi
[ "$2" = --check ] && exit 0

rm -f exit.json
# By a new name: whoever looks meanwhile finds the id before, never half of one.
echo $$ > pid.new
mv pid.new pid
case $tool in
  axolotl) axolotl train axolotl.yaml ;;
  trl) "$python" train_trl.py ;;
  unsloth) "$python" train_unsloth.py ;;
esac
code=$?
printf '{"tool":"%s","code":%d}\\n' "$tool" "$code" > exit.json.new
mv exit.json.new exit.json
rm -f pid
exit $code
`;
