"""Look into the mixing layer while it works: what tutorial, traces and playground print of it.

There is nothing to run. The functions of micro_grassmann.py are watched by their names and do what
they always do, so every number is the model's own.
"""
import functools
import random
from contextlib import contextmanager
from typing import NamedTuple

import micro_grassmann


class Start(NamedTuple):
    """What a run of a model file begins with, drawn in the same order as in its main()."""

    docs: list  # shuffled
    vocab: dict
    config: tuple
    params: dict
    rng: random.Random


class Partner(NamedTuple):
    """An earlier position that the layer looked at, and the plane it made with it."""

    s: int  # the position
    z: list  # r Values
    p: list  # Plücker coordinates
    unit: list  # the same, scaled to length 1


class Place(NamedTuple):
    """What mix computed at one position of one layer, in the words of micro_grassmann.py."""

    layer: str
    t: int
    x: list
    z: list
    partners: list
    mean: list
    g: list
    scores: list  # whose sigmoid alpha is
    alpha: list
    result: list


def begin(model, docs, seed=42, **sizes):
    """Return the Start of a run of this model file with fresh weights."""
    rng = random.Random(seed)
    return Start(*model.begin(docs, rng, **sizes), rng)


class Call(NamedTuple):
    """A call of a watched function: its name, what it got and what it returned."""

    name: str
    args: tuple
    result: object


@contextmanager
def watch(owner, *names):
    """Record the calls of some functions of a module or a class, in the order in which they end.

    with watch(micro_grassmann, "plucker", "gate") as calls: a list of Call grows while this lasts.
    len(calls) of watch(micro_grassmann.Value, "__init__") is the number of Values that were made.
    """
    calls = []

    def recorder(name, function):
        @functools.wraps(function)
        def record(*args):
            result = function(*args)
            calls.append(Call(name, args, result))
            return result
        return record

    originals = {name: getattr(owner, name) for name in names}
    for name, function in originals.items():
        setattr(owner, name, recorder(name, function))
    try:
        yield calls
    finally:
        for name, function in originals.items():
            setattr(owner, name, function)


@contextmanager
def watching():
    """Yield a list; on exit it holds one Place per call of mix, in order."""
    places = []
    names = ("plucker", "unit_plucker", "mean_plane", "gate", "mix")
    in_value = watch(micro_grassmann.Value, "sigmoid")
    with watch(micro_grassmann, *names) as calls, in_value as sigmoids:
        yield places
    since = {name: [] for name in names}
    counted = {}
    gates = iter(sigmoids)
    for call in calls:
        since[call.name].append(call)
        if call.name == "mix":
            layer = call.args[1]
            t = counted.get(layer, 0)
            counted[layer] = t + 1
            places.append(place_of(since, gates, layer, t))
            since = {name: [] for name in names}


def place_of(since, gates, layer, t):
    """Return the Place that the calls of one mix describe."""
    [mix] = since["mix"]
    [mean_plane] = since["mean_plane"]
    x, g = since["gate"][0].args[:2]
    past = mean_plane.args[0]
    partners = []
    for unit, plane in zip(since["unit_plucker"], since["plucker"]):
        s = next(s for s, z in enumerate(past) if z is unit.args[1])
        partners.append(Partner(s, past[s], plane.result, unit.result))
    opened = [next(gates) for _ in x]
    return Place(layer, t, x, past[t], partners, mean_plane.result, g,
                 [call.args[0] for call in opened], [call.result for call in opened], mix.result)


def record(tokens, params, config, layer=0):
    """Return the Place of each position of a tokenised document in one layer."""
    with watching() as places:
        micro_grassmann.token_losses(tokens, params, config)
    return [place for place in places if place.layer == f"layer{layer}"]


def reader(model, params, config):
    """Return a function from tokens to the logits at each position, as plain numbers."""
    def read(tokens):
        cache = [[] for _ in range(config.n_layer)]
        return [[v.data for v in model.forward(token, position, cache, params, config)]
                for position, token in enumerate(tokens)]
    return read


def leaks(read, tokens, vocab_size, tolerance=0.0):
    """Return each (t, s), s < t, for which another token at t changes what is read at s.

    A causal model has none: nothing that comes later may move an earlier guess. read is a function
    from tokens to a list of numbers for each position: reader() of a model file, or any other, such
    as one of large/ that takes all positions at once. Every token is replaced in turn by the next
    one of the vocabulary. With the small first weights a leak may hide in rounding: scale them up.
    A layer that looks ahead only to where the text ends stays unseen: compare read(tokens[:t]) with
    the beginning of read(tokens), too.
    """
    before = read(tokens)
    found = []
    for t, token in enumerate(tokens):
        after = read([*tokens[:t], (token + 1) % vocab_size, *tokens[t + 1:]])
        for s in range(t):
            gap = max(abs(a - b) for a, b in zip(before[s], after[s]))
            if not gap <= tolerance:  # so that nan counts
                found.append((t, s))
    return found


def size(vector):
    """Return the root of the mean square of some Values."""
    return (sum(v.data * v.data for v in vector) / len(vector)) ** 0.5


def length(vector):
    """Return the length of a vector of Values."""
    return sum(v.data * v.data for v in vector) ** 0.5
