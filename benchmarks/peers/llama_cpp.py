"""llama.cpp, through llama-cpp-python, with its own grammar.

The merged model goes into a GGUF file in float32 (bfloat16 where the model at hand computes in it),
with the vocabulary of the embedded model's own file; the cache is float32. The grammar is made of
token numbers (`<[17]>`), so it forces the very tokens of the words. The file is made once, outside
the time that is measured, from weights as peft merged them: those of the model at hand are packed
for another engine.
"""

import importlib.util
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import gguf
import llama_cpp
import torch

from peers import Answer, allowed_tokens, read
from seal.correctors.seal import SHIPPED
from seal.llm.model import EMBEDDED, LanguageModel, load
from seal.llm.prompt import Prompt

MAX_TOKENS = 4096
"""Tokens that a prompt and its answer may have."""


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    weight = model.network.get_decoder().layers[0].mlp.up_proj.weight
    kinds = gguf.GGMLQuantizationType
    return answered(engine(kinds.BF16 if weight.dtype == torch.bfloat16 else kinds.F32), prompt)


def answered(engine: Any, prompt: Prompt) -> Answer:
    """The answer of a loaded model."""
    engine.reset()
    allowed = allowed_tokens(prompt)
    terms = [f"({' | '.join(f'<[{token}]>' for token in tokens)})" for tokens in allowed]
    grammar = llama_cpp.LlamaGrammar.from_string("root ::= " + " ".join(terms), verbose=False)
    written: list[int] = []
    for token in engine.generate(prompt.tokens, temp=0.0, repeat_penalty=1.0, grammar=grammar):
        written.append(token)
        if len(written) == len(allowed):
            break
    return Answer(read(prompt, written), len(written))


@lru_cache(maxsize=2)
def engine(kind: gguf.GGMLQuantizationType) -> Any:
    """The merged model in llama.cpp, its matrices in numbers of that kind."""
    threads = torch.get_num_threads()
    network = load(None, SHIPPED).network
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "merged.gguf"
        write_gguf(network, file, kind)
        return llama_cpp.Llama(
            str(file),
            n_ctx=MAX_TOKENS,
            n_threads=threads,
            n_threads_batch=threads,
            type_k=llama_cpp.GGML_TYPE_F32,
            type_v=llama_cpp.GGML_TYPE_F32,
            use_mmap=False,
            verbose=False,
        )


def write_gguf(network: Any, file: Path, kind: gguf.GGMLQuantizationType) -> None:
    """Write a Llama network's weights behind the embedded model's own metadata."""
    spec = importlib.util.find_spec(EMBEDDED)
    assert spec and spec.origin
    source = gguf.GGUFReader(next(Path(spec.origin).parent.glob("*.gguf")))
    writer = gguf.GGUFWriter(file, "llama")
    ours = (gguf.Keys.General.ARCHITECTURE, gguf.Keys.General.FILE_TYPE)
    for field in source.fields.values():
        if not field.name.startswith("GGUF.") and field.name not in ours:
            value, inner = field.types[0], field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(field.name, field.contents(), value, sub_type=inner)
    types = gguf.LlamaFileType
    whole = {"Q8_0": types.MOSTLY_Q8_0, "BF16": types.MOSTLY_BF16, "F32": types.ALL_F32}
    writer.add_file_type(whole[kind.name])
    heads = {
        "q_proj": network.config.num_attention_heads,
        "k_proj": network.config.num_key_value_heads,
    }
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, network.config.num_hidden_layers)
    for name, weight in network.state_dict().items():
        if name == "lm_head.weight":  # tied to the embedding
            continue
        weight = weight.float()
        part = name.split(".")[-2]
        if part in heads:
            # llama.cpp turns neighbours by the position, Hugging Face the two halves of a head.
            rows, columns = weight.shape
            halves = weight.view(heads[part], 2, rows // heads[part] // 2, columns)
            weight = halves.transpose(1, 2).reshape(rows, columns)
        values, raw = weight.contiguous().numpy(), None
        if kind.name != "F32" and values.ndim == 2:
            values, raw = gguf.quants.quantize(values, kind), kind
        name = names.get_name(name, try_suffixes=(".weight",))
        writer.add_tensor(name, values, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
