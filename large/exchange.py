"""Models between large.train and the scalar files: the JSON files of their --save and --load.

A model exported here has the same logits there, and back, wherever its sizes and options can be had
in micro_gpt.py or micro_grassmann_clean.py.
"""
import json
from pathlib import Path
from typing import NamedTuple

import torch

import micro_gpt
import micro_grassmann_clean
from large.model import Config

# What a scalar file has no option for, and its one value there.
FIXED = {"offset_per_layer": False, "norm": "rms", "order": "pre", "final_norm": False,
         "branch_norm": False, "activation": "relu", "bias": False, "convolution": False}


def scalar_file(config):
    """Return the scalar file that has this model. ValueError, in one line, if none has."""
    for name, value in FIXED.items():
        own = getattr(config, name)
        if own != value:
            raise ValueError(f"the scalar files have no {name.replace('_', ' ')} {own}, only "
                             f"{value}")
    if config.mixing == "attention":
        return micro_gpt
    if config.mixing.startswith("grassmann"):
        return micro_grassmann_clean
    raise ValueError(f"the scalar files have no mixing {config.mixing}, only attention and "
                     "grassmann")


def check_exportable(config, data):
    """Return the scalar file for a model of this data. ValueError if it can't go there."""
    scalar = scalar_file(config)
    if not data.documents() or data.unit != "character":
        raise ValueError("the scalar files read documents of characters, not running text or pairs")
    return scalar


def write(path, model, data, trained_on):
    """Write the model, as it is at present, in the scalar files' format.

    trained_on: {checksum of a text: (seed of its shuffle, documents trained on)}.
    """
    scalar = check_exportable(model.config, data)
    sizes = {name: getattr(model.config, name) for name in scalar.Config._fields}
    weights = dict(model.named_parameters())
    weights["lm_head"] = model.head()
    params = {}
    for name in scalar.matrix_shapes(scalar.Config(**sizes)):
        rows = weights[name].detach().double().tolist()
        params[name] = [[scalar.Value(w) for w in row] for row in rows]
    scalar.save_model(path, data.vocab, scalar.Config(**sizes), params, trained_on)


class Kept(NamedTuple):
    """A model that was kept in a file."""

    vocab: list
    config: Config
    weights: dict  # {name: tensor}
    trained_on: dict


def read(path):
    """Return the Kept of a file. ValueError, in one line, if it holds no model."""
    scalar = micro_gpt
    try:
        if "window" in json.loads(Path(path).read_text(encoding="utf-8"))["sizes"]:
            scalar = micro_grassmann_clean
    except (LookupError, OSError, TypeError, ValueError):
        pass  # load_model says what is wrong
    vocab, config, params, trained_on = scalar.load_model(path)
    mixing = "attention" if scalar is micro_gpt else "grassmann"
    return Kept(list(vocab), Config(mixing=mixing, **config._asdict()), tensors(params), trained_on)


def tensors(params):
    """Return {name: tensor} of a scalar model's weights."""
    return {name: torch.tensor([[w.data for w in row] for row in rows], dtype=torch.float64)
            for name, rows in params.items()}


def load_weights(model, weights):
    """Give the model these weights."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(weights[name])
