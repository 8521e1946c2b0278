"""The ids of the experiments that a search is to look in, as users give them."""

from collections.abc import Sequence
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, NotFoundError
from nbtrack.core.warn import warn_user
from nbtrack.stores.contracts import Store


def checked_ids(experiment_ids: Any, by_name: str) -> list[str]:
    """The ids a search was given; empty when it was given none.

    Args:
        experiment_ids: A list of ids; or one, which is often given without a list.
        by_name: What to say to those who have the name of an experiment.

    Raises:
        InvalidTypeError: They are given as something else.
        InvalidValueError: One of them could never be an id.
    """
    if experiment_ids is None:
        return []
    try:
        ids: list[Any] = [experiment_ids] if isinstance(experiment_ids, str | int) else list(experiment_ids)
    except TypeError:
        raise InvalidTypeError(
            f"Experiment ids are given as a list, got {type(experiment_ids).__name__} {experiment_ids!r:.80}."
        ) from None
    for experiment_id in ids:
        if not str(experiment_id).replace("-", "").replace("_", "").isalnum():
            raise InvalidValueError(
                f"{experiment_id!r} is no experiment id. A filter is given as filter_string=..., {by_name}."
            )
    return [str(experiment_id) for experiment_id in ids]


def warn_of_unknown(store: Store, ids: Sequence[str], by_name: str) -> None:
    """Warn of ids that no experiment has: nothing will be found there.

    Args:
        store: Where it is searched.
        ids: What was asked for.
        by_name: How an experiment is given by its name; `{name!r}` stands for that.
    """
    for experiment_id in ids:
        try:
            store.experiments.get(experiment_id)
        except NotFoundError as error:
            message = str(error)
            named = store.experiments.find(experiment_id)
            if named is not None:
                said = by_name.format(name=experiment_id, experiment_id=named.experiment_id)
                message = f"No experiment with the id {experiment_id!r}. It is the name of one: {said}."
            warn_user(message, UserWarning)
