"""Trains a small language model from scratch on chat rows and writes it as a GGUF file that llama.cpp serves.

For narrow tasks and for machines without a GPU: llama architecture, a vocabulary learnt from the rows themselves, minutes on a CPU.
Needs: pip install torch numpy gguf

Rows are JSON Lines, {"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}; what is learnt is the last
assistant message. The best epoch on the validation rows is kept. Progress goes to standard output as JSON, one object per line.
"""

import argparse
import hashlib
import json
import math
import os
import sys
import time

# Threads that spin while they wait take the processor from whoever else works on this machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SPACE = "\u2581"
ROLES = ("system", "user", "assistant")
SPECIAL = ["<unk>", "<s>", "<|end|>", *[f"<|{role}|>" for role in ROLES]]
UNKNOWN, BEGIN, END = 0, 1, 2
# What a server must send, word for word: it is written into the file, and its hash into the report.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def tell(**facts):
    print(json.dumps(facts), flush=True)


class Tokenizer:
    """Byte-pair encoding within words over a vocabulary of its own, as llama.cpp's `llama` tokenizer does it: always the adjacent pair
    whose whole has the highest score. What is not in the vocabulary becomes bytes."""

    def __init__(self, texts, merges):
        words = {}
        for text in texts:
            for word in split_words(text):
                words[word] = words.get(word, 0) + 1
        characters = sorted({c for word in words for c in word if ord(c) < 0x3000})
        pieces = learn_merges(words, merges, set(characters))
        self.tokens = [*SPECIAL, *[f"<0x{byte:02X}>" for byte in range(256)], *characters, *pieces]
        self.first_byte = len(SPECIAL)
        self.first_piece = self.first_byte + 256
        self.ids = {token: i for i, token in enumerate(self.tokens) if i >= self.first_piece}
        # A merge that was learnt earlier comes first; single characters are never the result of one.
        rank = {piece: i for i, piece in enumerate(pieces)}
        self.scores = [-float(rank[token]) if i >= self.first_piece and token in rank else -1e6 for i, token in enumerate(self.tokens)]
        self.cache = {}

    def encode(self, text):
        ids = []
        for word in split_words(text):
            if word not in self.cache:
                self.cache[word] = self.encode_word(word)
            ids.extend(self.cache[word])
        return ids

    def encode_word(self, word):
        parts = list(word)
        while len(parts) > 1:
            best, at = None, -1
            for i in range(len(parts) - 1):
                token = self.ids.get(parts[i] + parts[i + 1])
                if token is not None and (best is None or self.scores[token] > best):
                    best, at = self.scores[token], i
            if best is None:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        ids = []
        for part in parts:
            if part in self.ids:
                ids.append(self.ids[part])
            else:
                ids.extend(self.first_byte + byte for byte in part.encode("utf-8"))
        return ids


def split_words(text):
    """Pieces that merges never cross: a space begins a word, and so does every character that is neither letter nor digit."""
    words, word = [], ""
    for character in text.replace(" ", SPACE):
        if character == SPACE or not character.isalnum():
            if word:
                words.append(word)
            if character == SPACE:
                word = character
            else:
                words.append(character)
                word = ""
        else:
            word += character
    return [*words, word] if word else words


def learn_merges(words, count, known):
    parts = {word: [c if c in known else None for c in word] for word in words}
    pieces, seen = [], set()
    while len(pieces) < count:
        pairs = {}
        for word, split in parts.items():
            for a, b in zip(split, split[1:]):
                if a is not None and b is not None:
                    pairs[a + b] = pairs.get(a + b, 0) + words[word]
        new = [(n, piece) for piece, n in pairs.items() if piece not in seen]
        if not new:
            break
        n, piece = max(new, key=lambda one: (one[0], one[1]))
        if n < 2:
            break
        pieces.append(piece)
        seen.add(piece)
        for word, split in parts.items():
            if piece not in word:
                continue
            i = 0
            while i < len(split) - 1:
                if split[i] is not None and split[i + 1] is not None and split[i] + split[i + 1] == piece:
                    split[i : i + 2] = [piece]
                i += 1
    return pieces


class RootMeanSquareNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class Block(nn.Module):
    def __init__(self, size, heads, inner, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attn_norm, self.ffn_norm = RootMeanSquareNorm(size), RootMeanSquareNorm(size)
        self.attn_q, self.attn_k = nn.Linear(size, size, bias=False), nn.Linear(size, size, bias=False)
        self.attn_v, self.attn_output = nn.Linear(size, size, bias=False), nn.Linear(size, size, bias=False)
        self.ffn_gate, self.ffn_up = nn.Linear(size, inner, bias=False), nn.Linear(size, inner, bias=False)
        self.ffn_down = nn.Linear(inner, size, bias=False)

    def forward(self, x, rotation):
        batch, length, size = x.shape
        y = self.attn_norm(x)
        shape = (batch, length, self.heads, size // self.heads)
        q, k, v = (w(y).view(shape).transpose(1, 2) for w in (self.attn_q, self.attn_k, self.attn_v))
        q, k = rotate(q, rotation), rotate(k, rotation)
        # Rows are padded on the right, so that what comes after an answer is never attended to by it.
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.dropout(self.attn_output(y.transpose(1, 2).reshape(batch, length, size)), self.dropout, self.training)
        y = self.ffn_norm(x)
        return x + F.dropout(self.ffn_down(F.silu(self.ffn_gate(y)) * self.ffn_up(y)), self.dropout, self.training)


class Transformer(nn.Module):
    def __init__(self, vocabulary, options):
        super().__init__()
        size, self.heads = options.dimension, options.heads
        self.dropout = options.dropout
        self.token_embd = nn.Embedding(vocabulary, size)
        inner = -(-size * 8 // 3 // 32) * 32
        self.inner = inner
        self.blk = nn.ModuleList(Block(size, options.heads, inner, options.dropout) for _ in range(options.layers))
        self.output_norm = RootMeanSquareNorm(size)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, tokens):
        rotation = rotations(tokens.shape[1], self.token_embd.weight.shape[1] // self.heads)
        x = F.dropout(self.token_embd(tokens), self.dropout, self.training)
        for block in self.blk:
            x = block(x, rotation)
        return self.output_norm(x)

    def logits(self, hidden):
        # The embedding is the output layer too: half the parameters for a small vocabulary.
        return hidden @ self.token_embd.weight.T


def rotations(length, size):
    angles = torch.outer(torch.arange(length).float(), 10000.0 ** (-torch.arange(0, size, 2).float() / size))
    return torch.cos(angles), torch.sin(angles)


def rotate(x, rotation):
    """Rotary positions over neighbouring pairs, which is how llama.cpp reads the llama architecture."""
    cos, sin = rotation
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line)["messages"] for line in file if line.strip()]
    for messages in rows:
        if not messages or messages[-1]["role"] != "assistant":
            sys.exit(f"{path}: every row must end with an assistant message")
    return rows


def encode_row(messages, tokenizer, limit):
    ids = []
    for message in messages[:-1]:
        ids += [SPECIAL.index(f"<|{message['role']}|>"), *tokenizer.encode(message["content"]), END]
    ids.append(SPECIAL.index("<|assistant|>"))
    answer = [*tokenizer.encode(messages[-1]["content"]), END]
    # A text that is too long loses its beginning: the question stands at the end.
    ids = ids[-(limit - len(answer)) :]
    return ids, answer


def batch_of(rows):
    longest = max(len(ids) + len(answer) for ids, answer in rows)
    tokens = torch.full((len(rows), longest), END)
    targets = torch.full((len(rows), longest), -100)
    weights = torch.zeros((len(rows), longest))
    for i, (ids, answer) in enumerate(rows):
        whole = torch.tensor([*ids, *answer])
        tokens[i, : len(whole)] = whole
        targets[i, : len(whole) - 1] = whole[1:]
        weights[i, : len(whole) - 1] = PROMPT_WEIGHT
        weights[i, len(ids) - 1 : len(whole) - 1] = 1.0
    return tokens, targets, weights


# Predicting the question as well teaches the words; the answer is what counts.
PROMPT_WEIGHT = 0.1


def loss_of(model, rows):
    tokens, targets, weights = batch_of(rows)
    hidden = model(tokens)
    chosen = weights > 0
    losses = F.cross_entropy(model.logits(hidden[chosen]), targets[chosen], reduction="none")
    return (losses * weights[chosen]).sum() / weights[chosen].sum()


def validate(model, rows):
    """Loss and share of right answers with the right answer's own beginning given: what greedy decoding says where all of it is right."""
    model.eval()
    right, total, loss = 0, 0, 0.0
    with torch.no_grad():
        for at in range(0, len(rows), 64):
            part = rows[at : at + 64]
            tokens, targets, weights = batch_of(part)
            logits = model.logits(model(tokens))
            answer = weights == 1.0
            loss += F.cross_entropy(logits[answer], targets[answer], reduction="sum").item() / max(1, int(answer.sum())) * len(part)
            hit = (logits.argmax(-1) == targets) | ~answer
            right += int(hit.all(-1).sum())
            total += len(part)
    model.train()
    return loss / total, right / total


def drop_words(ids, rate):
    return [token for token in ids if token < len(SPECIAL) or torch.rand(()).item() >= rate]


def train(model, rows, validation, options):
    started = time.monotonic()
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=0.1, betas=(0.9, 0.98))
    steps = math.ceil(len(rows) / options.batch) * options.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.1 * steps), 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1, step / steps))))
    )
    best, kept, epochs = None, None, 0
    for epoch in range(options.epochs):
        order = torch.randperm(len(rows)).tolist()
        # Rows of like length together, so that little is padding; the batches themselves come in random order.
        groups = [sorted(order[at : at + 16 * options.batch], key=lambda i: len(rows[i][0])) for at in range(0, len(order), 16 * options.batch)]
        batches = [group[at : at + options.batch] for group in groups for at in range(0, len(group), options.batch)]
        total = 0.0
        for place in torch.randperm(len(batches)).tolist():
            part = [(drop_words(rows[i][0], options.word_dropout), rows[i][1]) for i in batches[place]]
            loss = loss_of(model, part)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        epochs = epoch + 1
        seconds = time.monotonic() - started
        measured, accuracy = validate(model, validation)
        tell(event="epoch", epoch=epochs, of=options.epochs, loss=round(total / len(batches), 4), validationLoss=round(measured, 4),
             validationAccuracy=round(accuracy, 4), seconds=round(seconds, 1))
        if best is None or measured < best:
            best, kept = measured, {name: value.detach().clone() for name, value in model.state_dict().items()}
        if seconds * (epochs + 1) / epochs > options.seconds:
            break
    model.load_state_dict(kept)
    return epochs, time.monotonic() - started


def write_gguf(model, tokenizer, options):
    import gguf

    writer = gguf.GGUFWriter(options.out, "llama")
    writer.add_name(options.name)
    writer.add_context_length(options.context)
    writer.add_embedding_length(options.dimension)
    writer.add_block_count(options.layers)
    writer.add_feed_forward_length(model.inner)
    writer.add_head_count(options.heads)
    writer.add_head_count_kv(options.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(options.dimension // options.heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokenizer.tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_scores(tokenizer.scores)
    kind = gguf.TokenType
    special = [kind.UNKNOWN, *[kind.CONTROL] * (len(SPECIAL) - 1)]
    writer.add_token_types([*special, *[kind.BYTE] * 256, *[kind.NORMAL] * (len(tokenizer.tokens) - tokenizer.first_piece)])
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    for name, value in model.state_dict().items():
        array = value.to(torch.float32).numpy()
        # Vectors stay in 32 bits, as llama.cpp wants them; matrices halve without a loss that could be measured.
        writer.add_tensor(name, array if array.ndim == 1 else array.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True, help="rows to learn, JSON Lines")
    parser.add_argument("--validation", required=True, help="rows that choose the best epoch, JSON Lines")
    parser.add_argument("--out", required=True, help="the GGUF file to write")
    parser.add_argument("--name", default="from-scratch")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--merges", type=int, default=1500)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--word-dropout", type=float, default=0.1)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seconds", type=float, default=150, help="no epoch begins that would end later than this")
    parser.add_argument("--threads", type=int, default=0, help="all cores when 0")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    rows, validation = read_rows(options.train), read_rows(options.validation)
    tokenizer = Tokenizer([message["content"] for messages in rows for message in messages], options.merges)
    encode = lambda many: [encode_row(messages, tokenizer, options.context) for messages in many]
    model = Transformer(len(tokenizer.tokens), options)
    parameters = sum(p.numel() for p in model.parameters())
    tell(event="begin", rows=len(rows), validationRows=len(validation), vocabulary=len(tokenizer.tokens), parameters=parameters)
    encoded, held = encode(rows), encode(validation)
    epochs, seconds = train(model, encoded, held, options)
    loss, accuracy = validate(model, held)
    write_gguf(model, tokenizer, options)
    ids, _answer = held[0]
    tell(event="done", out=options.out, epochs=epochs, seconds=round(seconds, 1), parameters=parameters, validationLoss=round(loss, 4),
         validationAccuracy=round(accuracy, 4), chatTemplateSha256=hashlib.sha256(CHAT_TEMPLATE.encode()).hexdigest(), eos=SPECIAL[END],
         # The first validation prompt as this tokenizer reads it: a server that reads it otherwise serves another model.
         promptTokens=ids)


if __name__ == "__main__":
    main()
