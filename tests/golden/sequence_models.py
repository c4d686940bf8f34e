#!/usr/bin/python3
"""Writes gpt.inc, bert.inc, seq2seq.inc, vit.inc and lstm_lm.inc beside itself: what PyTorch's models give for made-up
weights and tokens, under the names that Hugging Face's, torchvision's and PyTorch's own modules have.

Run it with python3-torch and python3-numpy and without arguments; the tests need neither. See models.py for the weights.
"""
import pathlib

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from models import HEAD, made_up, noise, numbers

HERE = pathlib.Path(__file__).parent


def tokens(name, sizes, vocabulary):
    """tests/models/torch.hpp has the same formula."""
    return torch.from_numpy(((noise(name, int(numpy.prod(sizes))) + 1) / 2 * vocabulary).astype("q").reshape(sizes))


def attend(q, k, v, heads, seen=None):
    """q, k, v (N, T, heads size), of which k and v may have fewer heads; seen: (…, T, S), what is not hidden."""
    size = q.shape[2] // heads
    q, k, v = (x.reshape(*x.shape[:2], -1, size).transpose(1, 2) for x in (q, k, v))
    k, v = (x.repeat_interleave(heads // x.shape[1], 1) for x in (k, v))
    scores = q @ k.transpose(2, 3) / size**0.5
    if seen is not None:
        scores = scores.masked_fill(~seen, -float("inf"))
    return (scores.softmax(3) @ v).transpose(1, 2).reshape(q.shape[0], -1, heads * size)


def before(steps):
    return torch.ones(steps, steps, dtype=torch.bool).tril()


class Conv1D(nn.Module):
    """A dense layer that keeps its weight as (in, out)."""

    def __init__(self, nf, nx):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(nx, nf)), nn.Parameter(torch.empty(nf))

    def forward(self, x):
        return x @ self.weight + self.bias


class GPT2Block(nn.Module):
    def __init__(self, d, heads, context):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn, self.mlp = nn.Module(), nn.Module()
        self.attn.register_buffer("bias", torch.ones(1, 1, context, context))
        self.attn.register_buffer("masked_bias", torch.tensor(-1e4))
        self.attn.c_attn, self.attn.c_proj = Conv1D(3 * d, d), Conv1D(d, d)
        self.mlp.c_fc, self.mlp.c_proj = Conv1D(4 * d, d), Conv1D(d, 4 * d)

    def forward(self, x):
        q, k, v = self.attn.c_attn(self.ln_1(x)).chunk(3, 2)
        x = x + self.attn.c_proj(attend(q, k, v, self.heads, before(x.shape[1])))
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT2(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, d):
        super().__init__()
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocabulary, d), "wpe": nn.Embedding(context, d),
            "h": nn.ModuleList(GPT2Block(d, heads, context) for _ in range(layers)), "ln_f": nn.LayerNorm(d)})

    def forward(self, x):
        t = self.transformer
        y = t["wte"](x) + t["wpe"].weight[:x.shape[1]]
        for block in t["h"]:
            y = block(y)
        return t["ln_f"](y) @ t["wte"].weight.T


class RMSNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d))

    def forward(self, x):
        return x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * self.weight


def rotated(x, size, base):
    """Halves of each head turn by their position."""
    n, steps, _ = x.shape
    x = x.reshape(n, steps, -1, size)
    rates = base ** -(torch.arange(0, size, 2, dtype=x.dtype) / size)
    angles = torch.outer(torch.arange(steps, dtype=x.dtype), rates)[:, None]
    a, b = x.chunk(2, 3)
    turned = torch.cat((a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()), 3)
    return turned.reshape(n, steps, -1)


class LlamaLayer(nn.Module):
    def __init__(self, d, heads, kv_heads, hidden):
        super().__init__()
        self.heads, self.size, kv = heads, d // heads, d // heads * kv_heads
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(d), RMSNorm(d)
        self.self_attn, self.mlp = nn.Module(), nn.Module()
        for name, out in (("q", d), ("k", kv), ("v", kv), ("o", d)):
            self.self_attn.add_module(name + "_proj", nn.Linear(d, out, bias=False))
        self.mlp.gate_proj, self.mlp.up_proj = nn.Linear(d, hidden, bias=False), nn.Linear(d, hidden, bias=False)
        self.mlp.down_proj = nn.Linear(hidden, d, bias=False)

    def forward(self, x):
        a, y = self.self_attn, self.input_layernorm(x)
        q, k = (rotated(p(y), self.size, 500.0) for p in (a.q_proj, a.k_proj))
        x = x + a.o_proj(attend(q, k, a.v_proj(y), self.heads, before(x.shape[1])))
        y = self.post_attention_layernorm(x)
        return x + self.mlp.down_proj(F.silu(self.mlp.gate_proj(y)) * self.mlp.up_proj(y))


class Llama(nn.Module):
    def __init__(self, vocabulary, layers, heads, kv_heads, d, hidden):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(vocabulary, d)
        self.model.layers = nn.ModuleList(LlamaLayer(d, heads, kv_heads, hidden) for _ in range(layers))
        self.model.norm = RMSNorm(d)
        self.lm_head = nn.Linear(d, vocabulary, bias=False)

    def forward(self, x):
        y = self.model.embed_tokens(x)
        for layer in self.model.layers:
            y = layer(y)
        return self.lm_head(self.model.norm(y))


class BertLayer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.attention = nn.ModuleDict({
            "self": nn.ModuleDict({name: nn.Linear(d, d) for name in ("query", "key", "value")}),
            "output": nn.ModuleDict({"dense": nn.Linear(d, d), "LayerNorm": nn.LayerNorm(d, 1e-12)})})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(d, 4 * d)})
        self.output = nn.ModuleDict({"dense": nn.Linear(4 * d, d), "LayerNorm": nn.LayerNorm(d, 1e-12)})

    def forward(self, x, seen):
        own, out = self.attention["self"], self.attention["output"]
        y = attend(own["query"](x), own["key"](x), own["value"](x), self.heads, seen)
        x = out["LayerNorm"](x + out["dense"](y))
        return self.output["LayerNorm"](x + self.output["dense"](F.gelu(self.intermediate["dense"](x))))


class BertBody(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, d, pooled):
        super().__init__()
        self.embeddings, self.encoder = nn.Module(), nn.Module()
        self.embeddings.register_buffer("position_ids", torch.arange(context)[None])
        self.embeddings.word_embeddings = nn.Embedding(vocabulary, d)
        self.embeddings.position_embeddings = nn.Embedding(context, d)
        self.embeddings.token_type_embeddings = nn.Embedding(2, d)
        self.embeddings.LayerNorm = nn.LayerNorm(d, 1e-12)
        self.encoder.layer = nn.ModuleList(BertLayer(d, heads) for _ in range(layers))
        if pooled:
            self.pooler = nn.ModuleDict({"dense": nn.Linear(d, d)})

    def forward(self, x, types, lengths):
        e, steps = self.embeddings, x.shape[1]
        y = e.LayerNorm(e.word_embeddings(x) + e.position_embeddings.weight[:steps] + e.token_type_embeddings(types))
        seen = (torch.arange(steps) < lengths[:, None])[:, None, None]
        for layer in self.encoder.layer:
            y = layer(y, seen)
        return y


class BertForMaskedLM(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, d):
        super().__init__()
        self.bert = BertBody(vocabulary, context, layers, heads, d, False)
        self.cls = nn.Module()
        self.cls.predictions = nn.Module()
        self.cls.predictions.bias = nn.Parameter(torch.empty(vocabulary))
        self.cls.predictions.transform = nn.ModuleDict(
            {"dense": nn.Linear(d, d), "LayerNorm": nn.LayerNorm(d, 1e-12)})

    def forward(self, x, types, lengths):
        p = self.cls.predictions
        y = p.transform["LayerNorm"](F.gelu(p.transform["dense"](self.bert(x, types, lengths))))
        return y @ self.bert.embeddings.word_embeddings.weight.T + p.bias


class BertForSequenceClassification(nn.Module):
    def __init__(self, vocabulary, context, layers, heads, d, classes):
        super().__init__()
        self.bert = BertBody(vocabulary, context, layers, heads, d, True)
        self.classifier = nn.Linear(d, classes)

    def forward(self, x, types, lengths):
        return self.classifier(torch.tanh(self.bert.pooler["dense"](self.bert(x, types, lengths)[:, 0])))


class Seq2SeqTransformer(nn.Module):
    def __init__(self, source, target, layers, decoder_layers, heads, d):
        super().__init__()
        self.transformer = nn.Transformer(d, heads, layers, decoder_layers, 4 * d, 0.0, batch_first=True)
        self.generator = nn.Linear(d, target)
        self.src_tok_emb, self.tgt_tok_emb, self.d = nn.Module(), nn.Module(), d
        self.src_tok_emb.embedding = nn.Embedding(source, d)
        self.tgt_tok_emb.embedding = nn.Embedding(target, d)

    def placed(self, embedding, x):
        at = torch.arange(x.shape[1], dtype=torch.double)[:, None]
        angles = at * 10000.0 ** -(torch.arange(0, self.d, 2, dtype=torch.double) / self.d)
        return embedding(x) * self.d**0.5 + torch.stack((angles.sin(), angles.cos()), 2).reshape(x.shape[1], -1)

    def forward(self, x, y, lengths):
        hidden = torch.arange(x.shape[1]) >= lengths[:, None]
        return self.generator(self.transformer(
            self.placed(self.src_tok_emb.embedding, x), self.placed(self.tgt_tok_emb.embedding, y),
            tgt_mask=~before(y.shape[1]), src_key_padding_mask=hidden, memory_key_padding_mask=hidden))


class VisionLayer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(d, 1e-6), nn.LayerNorm(d, 1e-6)
        self.self_attention = nn.MultiheadAttention(d, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * d, d), nn.Dropout(0.0))

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.self_attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class VisionTransformer(nn.Module):
    def __init__(self, image, patch, layers, heads, d, classes):
        super().__init__()
        self.class_token = nn.Parameter(torch.empty(1, 1, d))
        self.conv_proj = nn.Conv2d(3, d, patch, patch)
        self.encoder, self.heads = nn.Module(), nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.empty(1, (image // patch) ** 2 + 1, d))
        self.encoder.layers = nn.Sequential()
        for i in range(layers):
            self.encoder.layers.add_module(f"encoder_layer_{i}", VisionLayer(d, heads))
        self.encoder.ln = nn.LayerNorm(d, 1e-6)
        self.heads.head = nn.Linear(d, classes)

    def forward(self, x):
        y = self.conv_proj(x).flatten(2).transpose(1, 2)
        y = torch.cat((self.class_token.expand(len(x), -1, -1), y), 1) + self.encoder.pos_embedding
        return self.heads.head(self.encoder.ln(self.encoder.layers(y))[:, 0])


class RNNModel(nn.Module):
    def __init__(self, vocabulary, d, hidden, layers):
        super().__init__()
        self.encoder, self.decoder = nn.Embedding(vocabulary, d), nn.Linear(hidden, vocabulary)
        self.rnn = nn.LSTM(d, hidden, layers, batch_first=True)

    def forward(self, x):
        return self.decoder(self.rnn(self.encoder(x))[0])


def case(name, model, inputs, weight):
    """The state_dict, what the model gives, and the gradient of one weight for made-up gradients of that."""
    model = model.double()
    state = model.state_dict()
    for key, value in state.items():
        value.copy_(made_up(key, value.shape))
    y = model(*inputs)
    y.backward(torch.from_numpy(noise("gradient", y.numel()).reshape(y.shape)))
    names = "\n".join(" ".join([key, *map(str, value.shape)]) for key, value in state.items())
    yield f'inline const support::torch_case {name}{{\n    .state = R"({names})",\n'
    yield f'    .x = {{{", ".join(map(str, inputs[0].shape))}}},\n    .y = {numbers(y)},\n    .weight = "{weight}",\n'
    yield f'    .gradient = {numbers(dict(model.named_parameters())[weight].grad)}}};\n\n'


def cases():
    x, lengths = tokens("input", (2, 5), 11), torch.tensor([5, 3])
    types, target = tokens("types", (2, 5), 2), tokens("target", (2, 4), 7)
    yield "gpt", {
        "gpt2": (GPT2(11, 6, 2, 2, 8), (x,), "transformer.h.0.ln_1.weight"),
        "llama": (Llama(11, 2, 4, 2, 16, 24), (x,), "model.layers.0.self_attn.k_proj.weight")}
    yield "bert", {
        "bert_masked": (BertForMaskedLM(11, 6, 2, 2, 8), (x, types, lengths), "bert.embeddings.LayerNorm.weight"),
        "bert_classes": (BertForSequenceClassification(11, 6, 2, 2, 8, 3), (x, types, lengths),
                         "bert.encoder.layer.0.attention.self.key.weight")}
    yield "seq2seq", {
        "translator": (Seq2SeqTransformer(11, 7, 2, 1, 2, 8), (x, target, lengths),
                       "transformer.encoder.layers.0.linear1.weight")}
    image = torch.from_numpy(noise("input", 2 * 3 * 8 * 8).reshape(2, 3, 8, 8))
    yield "vit", {"vit": (VisionTransformer(8, 4, 2, 2, 8, 3), (image,), "conv_proj.bias")}
    yield "lstm_lm", {"lstm_words": (RNNModel(11, 6, 8, 2), (x,), "rnn.weight_hh_l0")}


if __name__ == "__main__":
    for room, models in cases():
        text = "".join("".join(case(name, *arguments)) for name, arguments in models.items())
        (HERE / f"{room}.inc").write_text(HEAD.replace("models.py", "sequence_models.py") + "\n" + text.rstrip() + "\n")
