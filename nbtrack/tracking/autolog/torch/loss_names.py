"""What a loss was computed by, as its graph tells: the loss function, and whether autocast was on.

A graph is read while it is there, from the node of the loss downwards. What is not plain to see in it is not
told.
"""

from collections.abc import Iterator
from typing import Any

_NAMES = {
    "NllLoss": "nll_loss",
    "NllLoss2D": "nll_loss",
    "NllLossNd": "nll_loss",
    "MseLoss": "mse_loss",
    "HuberLoss": "huber_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "BinaryCrossEntropy": "binary_cross_entropy",
    "BinaryCrossEntropyWithLogits": "binary_cross_entropy_with_logits",
    "CtcLoss": "ctc_loss",
    "CudnnCtcLoss": "ctc_loss",
    "MultiMarginLoss": "multi_margin_loss",
    "MultilabelMarginLoss": "multilabel_margin_loss",
    "SoftMarginLoss": "soft_margin_loss",
}
"""Nodes of autograd that are loss functions, and what these are called in `torch.nn.functional`."""

_PASSED = frozenset(
    ("Mean", "Sum", "Div", "Mul", "Neg", "ToCopy", "View", "Squeeze", "Unsqueeze", "Clone", "MaskedFill")
)
"""What a loss may be averaged, weighted or scaled by."""
_DISTANCES: dict[str, tuple[str, dict[str, Any]]] = {
    "Abs": ("l1_loss", {}),
    "Pow": ("mse_loss", {"_saved_exponent": 2}),
}
"""Formulas of a difference that have a name, and what must be true of their nodes."""
_ADDED = frozenset(("Add", "Sub", "Stack", "Cat"))
_TERMS = 8
_CASTING = frozenset(("Addmm", "Mm", "Bmm", "T", "Convolution", "CudnnRnn", "MkldnnRnnLayer"))
"""What autocast gives weights to that it has cast."""
_NODES = 400
"""Nodes that are looked at in search of autocast."""


def loss_function(grad_fn: Any) -> str | None:
    """The loss function of a loss: `cross_entropy`, or `mse_loss + ...` where something nameless is added.

    Args:
        grad_fn: The node of the loss, `loss.grad_fn`.

    Returns:
        Names as in `torch.nn.functional`, or of a `torch.autograd.Function` of the user's; None where the
        graph holds no loss function that can be told.
    """
    terms = list(_terms(grad_fn, 0))
    named = list(dict.fromkeys(name for name, _ in terms if name))
    if not named:
        return None
    # With label_smoothing, cross_entropy adds a mean of the same log_softmax.
    told = {softmax for name, softmax in terms if name and softmax is not None}
    if len(named) > _TERMS or any(not name and rest not in told for name, rest in terms):
        named = [*named[:_TERMS], "..."]
    return " + ".join(named)


def _terms(node: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """What is added up, from a node downwards: the name of each term ("" for none), and its log_softmax."""
    while depth < 50:
        depth += 1
        kind = kind_of(node)
        below = [inner for inner, _ in node.next_functions if inner is not None]
        if kind in _NAMES:
            softmax = next((one for one in below if kind_of(one) == "LogSoftmax"), None)
            if _NAMES[kind] != "nll_loss" or softmax is None:
                yield _NAMES[kind], None
            else:
                yield "cross_entropy", softmax
            return
        if kind.lower().endswith("loss"):  # a function of the user's
            yield kind, None
            return
        if kind in _DISTANCES and len(below) == 1 and kind_of(below[0]) == "Sub":
            name, saved = _DISTANCES[kind]
            yield name if all(getattr(node, key, None) == value for key, value in saved.items()) else "", None
            return
        if kind in _ADDED and len(below) > 1:
            for inner in below:
                yield from _terms(inner, depth)
            return
        if len(below) != 1 or (kind not in _PASSED and kind not in _ADDED):
            break  # a weight that is learned, or a formula of the user's
        node = below[0]
    yield "", node


def autocast_type(grad_fn: Any) -> str | None:
    """The type that autocast computed in, such as `bfloat16`; "": it was off; None: that cannot be seen.

    Autocast casts weights before they are used. That stands in the graph, while the context itself was left
    before the optimizer's step. What `torch.compile` has made of a module shows none of it.

    Args:
        grad_fn: The node of the loss, `loss.grad_fn`.
    """
    waiting, seen = [grad_fn], {grad_fn}
    while waiting and len(seen) < _NODES:
        node = waiting.pop()
        for inner, _ in node.next_functions:
            if inner is None or inner in seen:
                continue
            if kind_of(inner) != "AccumulateGrad":
                seen.add(inner)
                waiting.append(inner)
            elif kind_of(node) == "ToCopy":
                return _type_of(node)
            elif kind_of(node) in _CASTING:
                return ""
    return None


def kind_of(node: Any) -> str:
    """What a node of autograd undoes: `NllLoss` for `NllLossBackward0`."""
    return str(node.name()).rpartition("::")[2].partition("Backward")[0]


def _type_of(node: Any) -> str | None:
    metadata = getattr(node, "_input_metadata", None)
    return str(metadata[0].dtype).removeprefix("torch.") if metadata else None
