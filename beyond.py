"""Mixing layers that the paper does not have, by name: for benchmarks, lessons and playground.

A faster form of the paper's own layer, controls, and a layer that counts.

The paper compares its layer with attention. To learn what does the work, compare it with other maps
over the same offsets as well. Each function here stands in for one that a model file names, such as
mean_plane in micro_grassmann.py; its first argument is the copy of the file in which it works.
Everything else is the file's own.

There is nothing to run here; benchmark.py --controls and benchmark_paren.py --controls do.
"""
import functools
import importlib.util
import random
from types import SimpleNamespace
from typing import NamedTuple

import micro_gpt
import micro_grassmann


def variant(base, **stand_ins):
    """Return a copy of a model file in which some named functions are replaced.

    A stand-in gets the copy as its first argument, then what the function got. The functions of the
    file itself stay at hand as copy.original.mix and so on. Values of two copies do not mix.
    """
    spec = importlib.util.spec_from_file_location(f"variant of {base.__name__}", base.__file__)
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    copy.Config = base.Config  # a record of sizes can go to another process: pickle knows its class
    copy.original = SimpleNamespace(**vars(copy))
    for name, stand_in in stand_ins.items():
        setattr(copy, name, functools.partial(stand_in, copy))
    return copy


def partners(past, config):
    """Return the states that the window reaches from the last one in past, nearest offset first."""
    return [past[-1 - offset] for offset in config.window if offset < len(past)]


def zeros(model, number):
    """Return `number` zeros."""
    return [model.Value(0.0) for _ in range(number)]


def mean_or_zeros(model, vectors, number):
    """Return the mean of the vectors, `number` Values each; zeros if there is none."""
    if not vectors:
        return zeros(model, number)
    return [model.mean(column) for column in zip(*vectors)]


# ---- the loop over the offsets, folded: the same function from fewer coordinates -----------------


def fold(model, z, states):
    """Return the sum of v / |z ∧ v| over the states v: wedged with z, the sum of their unit planes.

    Ours. The wedge p(z, v) is linear in v, so the sum of the p(z, v) / |z ∧ v| is p(z, that sum).
    The lengths need no coordinates: |z ∧ v|² = |z|² |v|² - (z·v)² (Lagrange's identity), to which
    1e-8 is added as in unit_plucker. Where z and v are nearly parallel, two nearly equal numbers
    are subtracted: relu keeps rounding from making the difference negative, and benchmark.py
    prints the error.
    """
    square = model.dot(z, z)
    weights = []
    for v, product in zip(states, model.linear(z, [tuple(v) for v in states])):
        area = (square * model.dot(v, v) - product * product).relu()
        weights.append((area + 1e-8) ** -0.5)
    return model.linear(weights, zip(*states))


def folded_mean_plane(model, past, config):
    """Stand in for mean_plane: the same numbers, from one wedge instead of one an offset. Ours."""
    z = past[-1]
    states = partners(past, config)
    if not states:
        return zeros(model, len(z) * (len(z) - 1) // 2)
    share = 1 / len(states)
    return model.plucker(z, [m_i * share for m_i in fold(model, z, states)])


# ---- controls: other maps over the same offsets --------------------------------------------------
#
# Each returns features of the past in mean_plane's place; W_plu, with as many columns as there are
# features, makes g of them, and the gate follows as always.


def stacked_states(model, past, config):
    """Return [z_t; z_(t-1); z_(t-2); z_(t-4) ...], zeros where there is none: no plane at all.

    W_plu is then a linear map with its own weights for each offset: a causal dilated convolution
    (as in WaveNet, van den Oord et al. 2016, arXiv:1609.03499).
    """
    z = past[-1]
    features = list(z)
    for offset in config.window:
        features += past[-1 - offset] if offset < len(past) else zeros(model, len(z))
    return features


def mean_state(model, past, config):
    """Return the mean of the partners' z: what is left of the paper's layer without planes."""
    return mean_or_zeros(model, partners(past, config), config.r)


def stacked_planes(model, past, config, plane="unit_plucker"):
    """Return the planes z_t spans with its partners, side by side; zeros where there is none. Ours.

    The paper's layer takes their mean, which is the same whichever offset a plane belongs to; here
    W_plu has its own columns for each offset. plane="plucker" keeps the planes' lengths.
    """
    z = past[-1]
    features = []
    for offset in config.window:
        if offset < len(past):
            features += getattr(model, plane)(z, past[-1 - offset])
        else:
            features += zeros(model, config.r * (config.r - 1) // 2)
    return features


def shuffled_planes(model, past, config):
    """Return stacked_planes with the offsets in another order at each position. Ours.

    The planes are the same, but a column of W_plu no longer belongs to one offset.
    """
    order = random.Random(len(past)).sample(config.window, len(config.window))
    return stacked_planes(model, past, config._replace(window=tuple(order)))


def states_and_planes(model, past, config):
    """Return stacked_states and stacked_planes: do planes add to a linear map? Ours."""
    return stacked_states(model, past, config) + stacked_planes(model, past, config)


def unit_product(model, u, v):
    """Return the elementwise product of two vectors, scaled to length 1.

    It takes the plane's place. It has the symmetries of a dot product, so no order in time.
    """
    product = [u_i * v_i for u_i, v_i in zip(u, v)]
    inverse_length = (model.dot(product, product) + 1e-8) ** -0.5
    return [p_i * inverse_length for p_i in product]


def mean_product(model, past, config):
    """Return the mean of z_t's unit products with its partners."""
    units = [unit_product(model, past[-1], state) for state in partners(past, config)]
    return mean_or_zeros(model, units, config.r)


def stacked_products(model, past, config):
    """Return z_t's unit products with its partners, side by side; zeros where there is none."""
    features = []
    for offset in config.window:
        if offset < len(past):
            features += unit_product(model, past[-1], past[-1 - offset])
        else:
            features += zeros(model, config.r)
    return features


def mean_of_halves(model, past, config):
    """Return the mean of products of z_t's first half with the partners' second half.

    Two reductions in one matrix: unlike a product of z with z it can tell before from after. The
    short form of what gated convolutions do (H3, Fu et al. 2022, arXiv:2212.14052).
    """
    half = config.r // 2
    now = past[-1][:half]
    products = [[u_i * v_i for u_i, v_i in zip(now, state[half:])]
                for state in partners(past, config)]
    return mean_or_zeros(model, products, half)


def shapes_with(columns, model, config):
    """Stand in for mixing_shapes: W_plu gets columns(config) columns."""
    shapes = model.original.mixing_shapes(config)
    shapes["W_plu"] = (config.n_embd, columns(config))
    return shapes


def control(features, columns):
    """Return the Grassmann file with other features of the past than the mean plane."""
    return variant(micro_grassmann, mean_plane=features,
                   mixing_shapes=lambda model, config: shapes_with(columns, model, config))


def weighted_mix(model, x, layer, past, params, config):
    """Stand in for mix: before the mean, each offset's unit plane gets a learned weight. Ours.

    The weight is 1 + W_offset, so it starts near the paper's mean, which has no such weights.
    """
    z = model.linear(x, params[f"{layer}.W_red"])
    past.append(z)
    planes = []
    for offset, [weight] in zip(config.window, params[f"{layer}.W_offset"]):
        if offset < len(past):
            scale = weight + 1.0
            planes.append([p_ij * scale for p_ij in model.unit_plucker(z, past[-1 - offset])])
    mean = mean_or_zeros(model, planes, plane_size(config))
    return model.gate(x, model.linear(mean, params[f"{layer}.W_plu"]), layer, params)


def weighted_shapes(model, config):
    """Stand in for mixing_shapes: one more weight for each offset."""
    return {**model.original.mixing_shapes(config), "W_offset": (len(config.window), 1)}


# One offset a layer, as in the paper's model of twelve layers, instead of all in each.


def scheduled_mix(model, x, layer, past, params, config):
    """Stand in for mix: layer n looks back by offset n only; after the last comes the first."""
    n = int(layer.removeprefix("layer")) % len(config.window)
    one = config._replace(window=config.window[n:n + 1])
    return model.original.mix(x, layer, past, params, one)


def scheduled(features, columns):
    """Return the Grassmann file with one offset a layer and, where given, other features.

    Planes apart would be the same as the paper's mean: the mean of one plane is that plane.
    """
    def shapes(model, config):
        return shapes_with(columns, model, config._replace(window=config.window[:1]))
    return variant(micro_grassmann, mix=scheduled_mix, mixing_shapes=shapes, **features)


class NearbyConfig(NamedTuple):
    """Attention's sizes, and the offsets it may look back by, with itself."""

    vocab_size: int
    n_embd: int = 16
    n_layer: int = 1
    block_size: int = 16
    n_head: int = 4
    window: tuple = micro_grassmann.Config._field_defaults["window"]


def attend_nearby(model, q, past, config):
    """Stand in for attend: softmax over t itself and its partners only, not all of the past."""
    return model.original.attend(q, [past[-1], *partners(past, config)], config)


def nearby_attention():
    """Return the GPT whose attention is limited to t itself and its partners."""
    model = variant(micro_gpt, attend=attend_nearby)
    model.Config = NearbyConfig
    return model


def backpropagate_but_w_red(model, tokens, params, config):
    """Stand in for backpropagate: W_red gets no gradient, so Adam leaves it as it was drawn."""
    loss = model.original.backpropagate(tokens, params, config)
    for n in range(config.n_layer):
        for row in params[f"layer{n}.W_red"]:
            for weight in row:
                weight.grad = 0.0
    return loss


# ---- a layer that counts -------------------------------------------------------------------------


def counting_shapes(model, config):
    """Stand in for mixing_shapes: W_red has r - 1 rows, for z ends with a constant 1."""
    shapes = model.original.mixing_shapes(config)
    shapes["W_red"] = (config.r - 1, config.n_embd)
    return shapes


def counting_mix(model, x, layer, past, params, config, normalised=False):
    """Stand in for mix: one more partner joins, c, the running sum of all earlier y. Ours.

    y = W_red x has r - 1 numbers, z = [y; 1], c = [sum of the earlier y; 1]. The planes that z
    spans with the offsets' z have length 1 as always; the plane with c keeps its length: its
    coordinates y_i * 1 - 1 * c_i are linear in the past, so c can hold how many brackets are open.
    past holds each z and the sum up to it. All planes are folded into one, which is divided by
    their number. O(L). normalised: the plane with c is scaled to length 1 as well.
    """
    y = model.linear(x, params[f"{layer}.W_red"])
    sums = past[-1][1] if past else zeros(model, len(y))
    z = [*y, model.Value(1.0)]
    c = [*sums, model.Value(1.0)]
    past.append((z, model.add(sums, y)))
    states = [state for state, _ in partners(past, config)]
    if normalised:
        m = fold(model, z, [*states, c])
    else:
        m = model.add(c, fold(model, z, states)) if states else c
    share = 1 / (len(states) + 1)
    g = model.linear(model.plucker(z, [m_i * share for m_i in m]), params[f"{layer}.W_plu"])
    return model.gate(x, g, layer, params)


def summing_mix(model, x, layer, past, params, config):
    """Stand in for mix: W_plu reads [z; the running sum of the earlier z], no plane. O(L)."""
    z = model.linear(x, params[f"{layer}.W_red"])
    sums = past[-1] if past else zeros(model, len(z))
    past.append(model.add(sums, z))
    g = model.linear([*z, *sums], params[f"{layer}.W_plu"])
    return model.gate(x, g, layer, params)


# ---- all of them by name -------------------------------------------------------------------------


def plane_size(config):
    """Return how many Plücker coordinates two vectors of r numbers have."""
    return config.r * (config.r - 1) // 2


def stacked_lengths(model, past, config):
    """Return stacked_planes with the planes' lengths kept."""
    return stacked_planes(model, past, config, "plucker")


MAKERS = {
    "attention": lambda: micro_gpt,
    "attention, same offsets": nearby_attention,
    "Grassmann": lambda: micro_grassmann,
    "folded": lambda: variant(micro_grassmann, mean_plane=folded_mean_plane),
    "linear map": lambda: control(stacked_states, lambda c: c.r * (1 + len(c.window))),
    "mean of states": lambda: control(mean_state, lambda c: c.r),
    "planes apart": lambda: control(stacked_planes, lambda c: plane_size(c) * len(c.window)),
    "planes apart, lengths kept":
        lambda: control(stacked_lengths, lambda c: plane_size(c) * len(c.window)),
    "planes apart, shuffled":
        lambda: control(shuffled_planes, lambda c: plane_size(c) * len(c.window)),
    "weighted planes": lambda: variant(micro_grassmann, mix=weighted_mix,
                                       mixing_shapes=weighted_shapes),
    "linear map and planes": lambda: control(
        states_and_planes, lambda c: c.r * (1 + len(c.window)) + plane_size(c) * len(c.window)),
    "elementwise product": lambda: control(mean_product, lambda c: c.r),
    "products apart": lambda: control(stacked_products, lambda c: c.r * len(c.window)),
    "products of halves": lambda: control(mean_of_halves, lambda c: c.r // 2),
    "Grassmann, one offset a layer": lambda: scheduled({}, plane_size),
    "linear map, one offset a layer":
        lambda: scheduled({"mean_plane": stacked_states}, lambda c: 2 * c.r),
    "lengths kept, one offset a layer":
        lambda: scheduled({"mean_plane": stacked_lengths}, plane_size),
    "W_red frozen": lambda: variant(micro_grassmann, backpropagate=backpropagate_but_w_red),
    "running sum": lambda: variant(micro_grassmann, mixing_shapes=counting_shapes,
                                   mix=counting_mix),
    "running sum, normalised": lambda: variant(
        micro_grassmann, mixing_shapes=counting_shapes,
        mix=functools.partial(counting_mix, normalised=True)),
    "sum without planes": lambda: variant(
        micro_grassmann, mix=summing_mix,
        mixing_shapes=lambda model, config: shapes_with(lambda c: 2 * c.r, model, config)),
}


@functools.cache
def mixer(name):
    """Return the model file, or the copy of it, with the mixing layer of this name in MAKERS."""
    return MAKERS[name]()


def fresh(name):
    """Return a copy of this mixer for the caller alone, in which functions may be replaced."""
    model = MAKERS[name]()
    return variant(model) if model in (micro_gpt, micro_grassmann) else model


def scoring(name, places):
    """Return a copy of this mixer whose loss counts some symbols only.

    places is a function of a document, or of its tokens without BOS, that returns the places whose
    symbols count. The end of a document never does.
    """
    model = fresh(name)
    model.token_losses = functools.partial(losses_at, places, model.token_losses)
    return model


def losses_at(places, token_losses, tokens, params, config):
    """Return the losses that token_losses returns, at these places only."""
    losses = token_losses(tokens[:-1], params, config)
    return [losses[place] for place in places(tokens[1:-1])]


def asking(name):
    """Return a copy of this mixer whose loss counts answers only.

    Instead of documents it is trained on pairs (tokens, answers). answers has, for each token, the
    token that is the right answer after it, or None where nothing is asked.
    """
    model = fresh(name)
    model.token_losses = functools.partial(losses_where_asked, model)
    return model


def losses_where_asked(model, example, params, config):
    """Stand in for token_losses: the cross-entropy of each answer."""
    cache = [[] for _ in range(config.n_layer)]
    losses = []
    for position, (token, answer) in enumerate(zip(*example)):
        logits = model.forward(token, position, cache, params, config)
        if answer is not None:
            losses.append(model.cross_entropy(logits, answer))
    return losses


def count_right(model, examples, params, config):
    """Return (right answers, answers): right is the answer whose logit is the highest."""
    right = 0
    number = 0
    for example in examples:
        cache = [[] for _ in range(config.n_layer)]
        for position, (token, answer) in enumerate(zip(*example)):
            logits = [v.data for v in model.forward(token, position, cache, params, config)]
            if answer is not None:
                number += 1
                right += logits.index(max(logits)) == answer
    return right, number


def configure(name, vocab_size, window=NearbyConfig._field_defaults["window"], **sizes):
    """Return the Config of this mixer with those of the given sizes that it has."""
    Config = mixer(name).Config
    sizes = {"window": window, **sizes}
    return Config(vocab_size, **{field: sizes[field] for field in Config._fields if field in sizes})
