"""Records one `fit` of Keras: what Keras tells its callbacks goes into the run.

Nothing in here raises: whoever calls is training.
"""

import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from nbtrack.tracking.autolog.keras import early_stopping, model_facts
from nbtrack.tracking.autolog.keras.checkpoints import Checkpoints
from nbtrack.tracking.autolog.keras.curves import Curve
from nbtrack.tracking.autolog.patching import Call
from nbtrack.tracking.autolog.sessions import Session


class Recorder:
    """The record of one training while it goes on."""

    def __init__(
        self, session: Session, call: Call, model: Any, *, keeps_metrics: bool, stopper: Any
    ) -> None:
        """Nothing is recorded yet.

        Args:
            session: The training.
            call: The `fit`; what recording costs is counted there.
            model: What is trained.
            keeps_metrics: Whether metrics, summary and optimizer are recorded; a callback of the user's
                may do that already.
            stopper: The user's `EarlyStopping`, or None.
        """
        self._session, self._call, self._model = session, call, model
        self._options = session.options
        self._keeps_metrics = keeps_metrics
        self._stopper = stopper
        self._every_n_batches: int | None = self._options.get("log_every_n_steps") or None
        self._by_epoch = bool(self._options.get("log_every_epoch", True))
        self._curve = Curve(model, session.run.run_id)
        self._checkpoints = Checkpoints(session) if self._options.get("checkpoint") else None
        self._epoch = self._batches = self._batches_before_epoch = 0
        self.last: Mapping[str, Any] = {}
        """The metrics of the last epoch."""
        self.kept: Mapping[str, Any] = {}
        """Those of the weights that the model has: of the last epoch, or of the one that was restored."""
        self.epochs = 0
        """Epochs that were trained to their end."""
        self._names_of_batches: Collection[str] = ()
        self._last_step = -1
        self._restored: Mapping[str, Any] = {}
        self.batch_size: int | None = None
        """Rows of the first batch of a generator."""

    @property
    def needs_batches(self) -> bool:
        """Whether it wants to be told of each batch, which on some back ends Keras does less cheaply."""
        return self._every_n_batches is not None or (
            self._checkpoints is not None and self._checkpoints.every_n_batches is not None
        )

    def train_begins(self) -> None:
        """The model is built, and nothing is trained."""
        with self._at_work("the model's summary and params"):
            params: dict[str, Any] = {} if self.batch_size is None else {"batch_size": self.batch_size}
            params |= model_facts.model_params(self._model)
            if self._keeps_metrics:
                params |= model_facts.optimizer_params(self._model, self._prefix)
            self._session.log_params(params)
            if self._keeps_metrics:
                self._log_summary()
            if self.needs_batches:
                self._batches = _iterations(self._model)

    def epoch_begins(self, epoch: int) -> None:
        """An epoch begins, counted from 0."""
        self._epoch = epoch
        self._batches_before_epoch = self._batches

    def batch_ends(self, callback: Any, batch: int, logs: Mapping[str, Any] | None) -> None:
        """A batch is trained; `batch` counts from 0 in its epoch, and may go on by more than 1."""
        earlier, self._batches = self._batches, self._batches_before_epoch + batch + 1
        if not logs:
            return
        if _passed(earlier, self._batches, self._every_n_batches):
            with self._at_work("metrics"):
                self._names_of_batches = logs.keys()
                self._log(logs, self._batches)
        checkpoints = self._checkpoints
        if checkpoints is not None and _passed(earlier, self._batches, checkpoints.every_n_batches):
            with self._at_work("a checkpoint"):
                checkpoints.take(
                    callback.model, logs, epoch=self._curve.step(self._epoch), batches=self._batches
                )

    def validation_ends(self, logs: Mapping[str, Any] | None) -> None:
        """The validation of an epoch is done; MLflow logs it under a name of its own as well."""
        if not logs:
            return
        with self._at_work("metrics of the validation"):
            found = {f"validation_{name}": value for name, value in logs.items()}
            self._log(found, self._place(self._epoch))

    def epoch_ends(self, callback: Any, epoch: int, logs: Mapping[str, Any] | None) -> None:
        """An epoch is over.

        Args:
            callback: The callback; where its `model` is asked for, weights are brought up to date first.
            epoch: Its number, from 0.
            logs: Its metrics, those of the validation among them.
        """
        with self._at_work("metrics"):
            self.epochs += 1
            self.last = dict(logs or {})
            rate = None if "learning_rate" in self.last else model_facts.learning_rate(self._model)
            if rate is not None:
                self.last["learning_rate"] = rate
            self.kept = self.last
            if self._by_epoch:
                known = self._names_of_batches  # the last batch has their values of the whole epoch
                new = {name: value for name, value in self.last.items() if name not in known}
                self._log(new, self._place(epoch))
            if self._stopper is not None and early_stopping.is_best(self._stopper, epoch, self.last):
                self._restored = self.last
        if self._checkpoints is not None and self._checkpoints.every_n_batches is None:
            with self._at_work("a checkpoint"):
                trained = callback.model
                self._checkpoints.take(
                    trained, self.last, epoch=self._curve.step(epoch), batches=_iterations(trained)
                )

    def train_ended(self) -> None:
        """The `fit` has returned: say where it was stopped, and what the weights are that it ends with."""
        found = {} if self._stopper is None else early_stopping.outcome(self._stopper)
        self._session.log_metrics(found)
        if "stopped_epoch" in found:
            self._session.say(f"stopped early in epoch {found['stopped_epoch'] + 1}")
        if "restored_epoch" in found and self._restored:
            self.kept = self._restored
        # As in MLflow: the last point of each curve is that of the weights that the model has.
        if "restored_epoch" in found and self._restored is not self.last and self._last_step >= 0:
            self._session.run.log_metrics(model_facts.metric_values(self._restored), step=self._last_step + 1)
        if self._checkpoints is not None:
            epoch = found.get("restored_epoch", self._epoch)
            self._checkpoints.end(self._model, self._curve.step(epoch))

    def _place(self, epoch: int) -> int:
        """The step of what is known after an epoch: where batches are logged too, all steps are batches."""
        return epoch if self._every_n_batches is None else self._batches

    @property
    def _prefix(self) -> str:
        return "opt_" if self._options.get("flavor") == "tensorflow" else "optimizer_"

    def _log_summary(self) -> None:
        number = self._session.ordinal
        name = "model_summary.txt" if number == 1 else f"model_summary-{number}.txt"
        self._session.run.log_text(model_facts.summary_text(self._model), name)

    def _log(self, logs: Mapping[str, Any], of_keras: int) -> None:
        if not self._keeps_metrics or not logs or not (self._by_epoch or self._every_n_batches):
            return
        step = self._curve.step(of_keras)
        self._session.run.log_metrics(model_facts.metric_values(logs), step=step)
        self._curve.reached(step)
        self._last_step = step

    @contextmanager
    def _at_work(self, what: str) -> Generator[None]:
        started = time.perf_counter()
        with self._session.attempt(what):
            yield
        self._call.own += time.perf_counter() - started


def _passed(earlier: int, now: int, every: int | None) -> bool:
    """Whether a multiple of `every` was passed; None never is."""
    return every is not None and now // every > earlier // every


def _iterations(model: Any) -> int:
    """How many batches the optimizer has seen; a model that is trained further goes on there."""
    optimizer = model.optimizer
    return 0 if optimizer is None else int(optimizer.iterations)
