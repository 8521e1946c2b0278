"""Whether more of a metric is better, guessed from the words in its name."""

import re
from collections.abc import Mapping

PRIMARY_METRIC = "mlflow.experiment.primaryMetric.name"
PRIMARY_IS_GREATER = "mlflow.experiment.primaryMetric.greaterIsBetter"
"""Tags of an experiment, MLflow's, that say it of one metric."""

_LESS = (
    "loss err error errors mse rmse mae mape smape msle rmsle logloss nll crossentropy entropy perplexity "
    "ppl wer cer fid brier ece regret deviance divergence kl distance inertia latency seconds ms misses"
)
_MORE = (
    "acc accuracy auc auroc auprc aucpr roc f1 fbeta precision recall r2 score map ap iou miou dice bleu "
    "rouge meteor chrf ndcg mrr hits reward return returns psnr ssim kappa mcc sensitivity specificity "
    "throughput likelihood silhouette win wins success"
)
_LESS_WORDS, _MORE_WORDS = frozenset(_LESS.split()), frozenset(_MORE.split())
_WORD = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*")


def is_greater_better(key: str, known: Mapping[str, bool] | None = None) -> bool | None:
    """Whether a larger value is better; None when the name does not say.

    Args:
        key: Name of the metric, such as `val/loss`, `trainAccuracy` or `neg_mean_squared_error`.
        known: What is known of some metrics, by their names; it comes first.
    """
    if known is not None and key in known:
        return known[key]
    words = [word.lower() for word in _WORD.findall(key)]
    words += [word.rstrip("0123456789") for word in words]
    less, more = not _LESS_WORDS.isdisjoint(words), not _MORE_WORDS.isdisjoint(words)
    if less == more:
        return None
    # scikit-learn's scorers: neg_log_loss is better when it is larger.
    return less if words[0] == "neg" else more


def known_directions(tags: Mapping[str, str]) -> dict[str, bool]:
    """What the tags of an experiment say of its primary metric."""
    name, greater = tags.get(PRIMARY_METRIC), tags.get(PRIMARY_IS_GREATER, "").lower()
    return {name: greater == "true"} if name and greater in ("true", "false") else {}
