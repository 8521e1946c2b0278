"""The candidates of a search: what it tried, which were best, and what to keep of each as a run.

A search that spends more and more on fewer and fewer candidates (successive halving) lists one several
times. Here it is one candidate, and its metrics are curves over the iterations.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import accumulate
from numbers import Real
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.datasets import DatasetInput
from nbtrack.core.ended_runs import EndedRun
from nbtrack.core.entities import RunStatus
from nbtrack.tracking.autolog.sklearn.estimators import text_of

_LONGEST_NAME = 60
_ITERATION = "iter"


@dataclass(frozen=True)
class Candidate:
    """One of them."""

    params: Mapping[str, Any]
    """What it sets of the estimator."""
    rows: Sequence[int]
    """Where its results stand in `cv_results_`, in the order of the iterations."""


def is_search(estimator: Any) -> bool:
    """Whether an estimator is a search of scikit-learn's, or made from it."""
    import sklearn.model_selection._search as search

    return isinstance(estimator, search.BaseSearchCV)


def candidates_of(search: Any) -> list[Candidate]:
    """All candidates of a fitted search, in the order in which they were tried first."""
    results: Mapping[str, Any] = search.cv_results_
    params: Sequence[Mapping[str, Any]] = results["params"]
    if _ITERATION not in results:
        return [Candidate(each, [row]) for row, each in enumerate(params)]
    # From one iteration to the next the dicts themselves go on.
    rows: dict[int, list[int]] = {}
    for row, each in enumerate(params):
        rows.setdefault(id(each), []).append(row)
    return [Candidate(params[found[0]], found) for found in rows.values()]


def best_of(search: Any, candidates: Sequence[Candidate], most: int | None) -> list[Candidate]:
    """The best of some candidates, in the order they have; the one that the search has chosen first of all.

    With several metrics it is the one that the search refits with whose rank counts, else the first.

    Args:
        search: The fitted search.
        candidates: Those to choose from.
        most: How many at most; None is all.
    """
    if most is None or most >= len(candidates):
        return list(candidates)
    results: Mapping[str, Any] = search.cv_results_
    best = getattr(search, "best_index_", None)
    ranks = results.get(_rank_column(search, results))
    iterations = results.get(_ITERATION)

    def order(number: int) -> tuple[Any, ...]:
        rows = candidates[number].rows
        # What has survived longest is better than what had a better score with fewer resources.
        survived = 0 if iterations is None else int(iterations[rows[-1]])
        return best not in rows, -survived, 0 if ranks is None else ranks[rows[-1]], number

    chosen = sorted(range(len(candidates)), key=order)[:most]
    return [candidates[number] for number in sorted(chosen)]


def as_runs(
    search: Any,
    candidates: Iterable[Candidate],
    *,
    started: int,
    ended: int,
    tags: Mapping[str, str],
    inputs: Sequence[DatasetInput],
) -> list[EndedRun]:
    """What to keep of candidates.

    Nobody knows when each of them was fitted. But they are tried one after the other, or a few at a time,
    and scikit-learn says how long each fit took: that gives times that are about right.

    Args:
        search: The fitted search.
        candidates: Those of its candidates that are to be kept.
        started: When the search began, in milliseconds since 1970, UTC.
        ended: When it had tried all of them.
        tags: Tags of each.
        inputs: The data that the search was given.
    """
    results: Mapping[str, Any] = search.cv_results_
    describe = describer(search.estimator)
    works = [_work(search, results, row) for row in range(len(results["params"]))]
    begins = list(accumulate(works, initial=0.0))
    # Several fits at once take less than all of them together.
    pace = min(1.0, (ended - started) / begins[-1]) if begins[-1] else 0.0
    runs: list[EndedRun] = []
    for candidate in candidates:
        first, last = candidate.rows[0], candidate.rows[-1]
        start = int(started + begins[first] * pace)
        failure = _failure(search, results, last)
        runs.append(
            EndedRun(
                run_name=_name(candidate.params),
                start_time=start,
                end_time=max(start, min(ended, int(started + begins[last] * pace + works[last]))),
                status=RunStatus.FAILED if failure else RunStatus.FINISHED,
                params=describe(candidate.params),
                points=list(_points(results, candidate.rows)),
                tags={**tags, system_tags.ERROR: failure} if failure else tags,
                inputs=inputs,
            )
        )
    return runs


def describer(seed: Any) -> Callable[[Mapping[str, Any]], dict[str, str]]:
    """A function that tells, as text, all params that the estimator of a search has as a candidate.

    Args:
        seed: The estimator that the search tries them on.
    """
    is_deep = not is_search(seed)
    values: dict[str, Any] = seed.get_params(deep=is_deep)
    texts = {key: text_of(value) for key, value in values.items()}

    def describe(params: Mapping[str, Any]) -> dict[str, str]:
        if not any("__" in key or hasattr(value, "get_params") for key, value in params.items()):
            return texts | {key: text_of(value) for key, value in params.items()}
        base: Any = import_module("sklearn.base")

        # What an estimator inside is called changes with its params, and which there are with its kind.
        tried: Any = base.clone(seed).set_params(**base.clone(dict(params), safe=False))
        described = {
            key: texts[key] if key in values and value is values[key] else text_of(value)
            for key, value in tried.get_params(deep=is_deep).items()
        }
        # A search inside a search tells nothing of the estimator inside it.
        return {key: text_of(value) for key, value in params.items()} | described

    return describe


def _rank_column(search: Any, results: Mapping[str, Any]) -> str:
    refit = getattr(search, "refit", None)
    ranks = [key for key in results if key.startswith("rank_test_")]
    wanted = ["rank_test_score", f"rank_test_{refit}" if isinstance(refit, str) else "", *ranks]
    return next((key for key in wanted if key in results), "")


def _points(results: Mapping[str, Any], rows: Iterable[int]) -> Iterator[tuple[str, float, int]]:
    # What each split gave stands in cv_results.csv.
    columns = {key: column for key, column in results.items() if not key.startswith(("param", "split"))}
    for row in rows:
        step = int(results[_ITERATION][row]) if _ITERATION in results else 0
        for key, column in columns.items():
            value = column[row]
            if isinstance(value, Real):
                yield key, float(value), step


def _work(search: Any, results: Mapping[str, Any], row: int) -> float:
    """How long all fits of a row took, in milliseconds."""
    mean = sum(float(results[key][row]) for key in ("mean_fit_time", "mean_score_time") if key in results)
    return max(0.0, 1000 * mean * getattr(search, "n_splits_", 1))


def _failure(search: Any, results: Mapping[str, Any], row: int) -> str:
    """What is to be said of a candidate of which no fit worked; nothing of any other.

    scikit-learn gives each of its splits the `error_score`, and a score time of zero: nothing was scored.
    """
    given = getattr(search, "error_score", None)
    if not isinstance(given, Real) or float(results.get("mean_score_time", {row: 1})[row]):
        return ""
    scores = [
        float(column[row]) for key, column in results.items() if key.startswith("split") and "_test_" in key
    ]
    given = float(given)
    if not scores or not all(score == given or (score != score and given != given) for score in scores):
        return ""
    return f"No fit of this candidate worked: its scores are the error_score, {given}."


def _name(params: Mapping[str, Any]) -> str:
    text = " ".join(", ".join(f"{key}={text_of(value)}" for key, value in params.items()).split())
    return (text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…") or "candidate"
