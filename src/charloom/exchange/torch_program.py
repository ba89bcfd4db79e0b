"""The program of an export to PyTorch: the module, its loading and sampling."""

from typing import Final

from charloom.exchange.torch_names import MODULES
from charloom.formatting import quote
from charloom.model_folder.format import ModelRecord

_HEAD: Final = '''\
"""The model {name} as a PyTorch module: python model.py [PROMPT]{label_usage}

Needs torch and safetensors. Axes: T steps, B texts, V symbols, L layers, H hidden units.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

FOLDER = Path(__file__).parent
VOCABULARY = json.loads((FOLDER / "vocabulary.json").read_text("utf-8"))
SYMBOLS = VOCABULARY["symbols"]  # 0 is <eos>, the boundary of texts; 1 is <unk>
IDS = {{symbol: index for index, symbol in enumerate(SYMBOLS) if index > 1}}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
{layers}
    def forward(self, ids_TB, state=None):
        """Return the logits of the next symbols, (T, B, V), and the state after the last."""
        hidden_TBH, state = self.rnn({inputs}, state)
        return self.linear(hidden_TBH), state

'''
_LABEL_STATE: Final = '''\
    def label_state(self, label):
        """Return the state in which a text of a label begins; without one it is zero."""
        row = VOCABULARY["labels"].index(label)
{result}

'''
_TAIL: Final = '''\

def load():
    model = Model()
    model.load_state_dict(load_file(FOLDER / "model.safetensors"))
    return model.eval()


def encode(text):
    """Return the ids of a text: {split}."""
{encode}

@torch.no_grad()
def generate(model, prompt="", temperature=0.8, length=500, seed=0, state=None):
    """Return a text that begins with the prompt; temperature 0 is greedy."""
    generator, written = torch.Generator().manual_seed(seed), encode(prompt)
    logits_TBV, state = model(torch.tensor([0, *written])[:, None], state)
    for _ in range(length):
        logits_V = logits_TBV[-1, 0].index_fill(0, torch.tensor({masked}), -torch.inf)
        if temperature == 0:
            symbol = int(logits_V.argmax())
        else:
            probabilities_V = (logits_V / temperature).softmax(0)
            symbol = int(torch.multinomial(probabilities_V, 1, generator=generator))
        if symbol == 0:
            break
        written.append(symbol)
        logits_TBV, state = model(torch.tensor([[symbol]]), state)
{decode}

if __name__ == "__main__":
    loaded, prompt = load(), sys.argv[1] if len(sys.argv) > 1 else ""
{start}    print(generate(loaded, prompt, temperature=0{state}))
    print(generate(loaded, prompt, temperature=0.8, seed=0{state}))
'''
_ENCODE_CHARACTERS: Final = """\
    return [IDS.get(symbol, 1) for symbol in text]
"""
_ENCODE_BYTES: Final = """\
    symbols = [chr(b) if 0x20 <= b <= 0x7E else f"<0x{b:02X}>" for b in text.encode()]
    return [IDS.get(symbol, 1) for symbol in symbols]
"""
_ENCODE_LONGEST: Final = """\
    ids, begin, longest = [], 0, max(map(len, IDS), default=1)
    while begin < len(text):
        pieces = (text[begin : begin + size] for size in range(longest, 0, -1))
        piece = next((piece for piece in pieces if piece in IDS), text[begin])
        ids.append(IDS.get(piece, 1))
        begin += len(piece)
    return ids
"""
_DECODE: Final = """\
    return "".join(SYMBOLS[index] if index > 1 else "\\ufffd" for index in written)
"""
_DECODE_BYTES: Final = """\
    shown = [SYMBOLS[index] if index > 1 else "?" for index in written]
    values = [int(symbol[3:5], 16) if len(symbol) > 1 else ord(symbol) for symbol in shown]
    return bytes(values).decode("utf-8", errors="replace")
"""
_START: Final = """\
    state = loaded.label_state(sys.argv[2]) if len(sys.argv) > 2 else None
"""


def program(record: ModelRecord, name: str) -> str:
    """Return the program of a model, which imports torch and not charloom."""
    network, vocabulary = record.network, record.vocabulary
    is_lstm, has_labels = network.cell == "lstm", bool(record.labels)
    split, encode, decode = _ENCODINGS["longest"]
    if vocabulary.level == "byte" or (
        vocabulary.level == "char" and vocabulary.token_pattern is None
    ):
        split, encode, decode = _ENCODINGS[vocabulary.level]
    one_hot = network.input == "one-hot"
    parts = {
        "name": quote(name)[1:-1].replace("\\", "/"),
        "label_usage": " [LABEL]" if has_labels else "",
        "layers": "".join(f"        {line}\n" for line in _layers(record)),
        "inputs": f"nn.functional.one_hot(ids_TB, {len(vocabulary)}).float()"
        if one_hot
        else "self.embedding(ids_TB)",
        "split": split,
        "encode": encode,
        "decode": decode,
        "masked": "[0, 1]" if record.is_one_stream else "[1]",
        "start": _START if has_labels else "",
        "state": ", state=state" if has_labels else "",
    }
    return (
        _HEAD.format_map(parts)
        + (_LABEL_STATE.format(result=_label_result(is_lstm)) if has_labels else "")
        + _TAIL.format_map(parts)
    )


_ENCODINGS: Final = {
    "char": ("one for each character", _ENCODE_CHARACTERS, _DECODE),
    "byte": ("one for each byte of UTF-8", _ENCODE_BYTES, _DECODE_BYTES),
    "longest": ("of the longest known symbols, from the left", _ENCODE_LONGEST, _DECODE),
}


def _layers(record: ModelRecord) -> list[str]:
    """Return the assignments of the submodules and of the states of labels."""
    network, symbols, labels = record.network, len(record.vocabulary), len(record.labels)
    width = symbols if isinstance(network.input, str) else network.input
    states = ("hidden", "cell") if network.cell == "lstm" else ("hidden",)
    shape = f"{labels}, {network.layers}, {network.hidden}"
    return [
        *([] if isinstance(network.input, str) else [
            f"self.embedding = nn.Embedding({symbols}, {width})"
        ]),
        f"self.rnn = nn.{MODULES[network.cell]}({width}, {network.hidden}, {network.layers})",
        f"self.linear = nn.Linear({network.hidden}, {symbols})",
        *(
            f"self.label_{state} = nn.Parameter(torch.zeros({shape}))"
            for state in (states if labels else ())
        ),
    ]  # fmt: skip


def _label_result(is_lstm: bool) -> str:
    hidden = "self.label_hidden[row][:, None]"
    if not is_lstm:
        return f"        return {hidden}"
    return f"        return {hidden}, self.label_cell[row][:, None]"
