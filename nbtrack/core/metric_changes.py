"""How a metric changed, in words that need no colour."""

from nbtrack.core.comparisons import ComparedMetric
from nbtrack.core.text_tables import number

_LEAST_SHARE = 0.0005


def change_words(metric: ComparedMetric) -> str:
    """How the last value differs from the first: `▲ +0.02 (+2.2%) better`; nothing where it does not."""
    first, last = metric.values[0], metric.values[-1]
    if not metric.differs:
        return ""
    if first is None or last is None:
        return "added" if first is None else "removed"
    delta, share, verdict = metric.deltas[-1], metric.shares[-1], metric.verdicts[-1]
    words: list[str] = []
    if delta:
        words.append(f"{'▲ +' if delta > 0 else '▼ '}{number(delta)}")
        if share is not None and abs(share) >= _LEAST_SHARE:
            words.append(f"({share:+.1%})" if abs(share) < 1 else f"({share:+,.0%})")
    return " ".join([*words, *([verdict] if verdict else [])]) or "changed"
