"""The callback for `model.fit` that MLflow's users know, of Keras 3 on any backend.

It needs Keras, so it is imported when somebody asks for `nbtrack.keras.MlflowCallback`. Nothing that it does
can end a training: what fails is said once, and the training goes on.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from nbtrack.core.entities import Run
from nbtrack.core.errors import InvalidTypeError, InvalidValueError
from nbtrack.core.warn import warn_user
from nbtrack.models.flavors.keras import imported_keras
from nbtrack.tracking.autolog.keras.model_facts import metric_values, summary_text
from nbtrack.tracking.fluent import default_tracker

try:
    import keras
except (ImportError, ValueError):
    imported_keras()  # says what is missing
    raise


class MlflowCallback(keras.callbacks.Callback):
    """Logs a training: the optimizer's settings as params, the model's summary, the metrics.

    `model.fit(X, y, callbacks=[nbtrack.keras.MlflowCallback()])`

    Metrics are logged under Keras' names after each epoch, with the epoch from 0 as their step, or after
    every `log_every_n_steps` batches, with the number of batches trained. What `evaluate` finds, also that
    of `fit` at the end of an epoch, is logged with `validation_` before its name.
    """

    params_prefix = "optimizer_"

    def __init__(
        self,
        log_every_epoch: bool | Run = True,
        log_every_n_steps: int | None = None,
        model_id: str | None = None,
    ) -> None:
        """Choose how often, and what of.

        Args:
            log_every_epoch: Whether metrics are logged after each epoch; False asks for `log_every_n_steps`.
                A run, which MLflow once took here, means after each epoch, in this run.
            log_every_n_steps: Log after every so many batches.
            model_id: The logged model that the metrics are measured of.

        Raises:
            InvalidTypeError: `log_every_n_steps` is no whole number.
            InvalidValueError: Both are given, neither is, or `log_every_n_steps` is below 1.
        """
        super().__init__()
        if log_every_epoch and log_every_n_steps is not None:
            raise InvalidValueError(
                f"log_every_n_steps={log_every_n_steps!r} goes with log_every_epoch=False: metrics are "
                "logged either after each epoch or after every n batches."
            )
        if not log_every_epoch:
            if isinstance(log_every_n_steps, bool) or not isinstance(log_every_n_steps, int):
                raise InvalidTypeError(
                    f"log_every_epoch=False needs log_every_n_steps, a whole number of batches; "
                    f"it is {log_every_n_steps!r}."
                )
            if log_every_n_steps < 1:
                raise InvalidValueError(f"log_every_n_steps has to be 1 or more; it is {log_every_n_steps}.")
        self.log_every_epoch = bool(log_every_epoch)
        self.log_every_n_steps = log_every_n_steps
        self.model_id = model_id
        self._run_id = log_every_epoch.info.run_id if isinstance(log_every_epoch, Run) else None
        self._epoch = 0
        self._batches = self._batches_before_epoch = 0
        self._told: set[str] = set()

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log the optimizer's settings and the model's summary."""
        self._batches = 0
        self._attempt("how many batches were trained before", self._count_earlier_batches)
        self._attempt("the optimizer's settings", self._log_optimizer)
        self._attempt("the model's summary", self._log_summary)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Remember which epoch it is, for what is found in its validation."""
        self._epoch = epoch
        self._batches_before_epoch = self._batches

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the metrics of an epoch."""
        if self.log_every_epoch and logs:
            self._log_metrics(logs, epoch)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the metrics when enough batches have passed."""
        if self.log_every_n_steps is None:
            return
        earlier, self._batches = self._batches, self._batches_before_epoch + batch + 1
        # Several batches may pass between two calls: `steps_per_execution`.
        if logs and self._batches // self.log_every_n_steps > earlier // self.log_every_n_steps:
            self._log_metrics(logs, self._batches)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log what a validation found, at the step that the training is at."""
        if logs:
            found = {f"validation_{name}": value for name, value in logs.items()}
            self._log_metrics(found, self._epoch if self.log_every_epoch else self._batches)

    def logs_to(self, run_id: str) -> bool:
        """Whether it logs to a run while that is the active one."""
        return self._run_id in (None, run_id)

    def _log_optimizer(self) -> None:
        # As Keras says them, 0.009999999776482582 too: whoever adds this callback wants MLflow's params.
        settings: dict[str, Any] = self._trained().optimizer.get_config()
        params = {f"{self.params_prefix}{name}": value for name, value in settings.items()}
        default_tracker.log_params(params, run_id=self._run_id)

    def _log_summary(self) -> None:
        summary = summary_text(self._trained())
        default_tracker.log_text(summary, "model_summary.txt", run_id=self._run_id)

    def _log_metrics(self, metrics: Mapping[str, Any], step: int) -> None:
        def log() -> None:
            values = metric_values(metrics)
            default_tracker.log_metrics(values, step=step, run_id=self._run_id, model_id=self.model_id)

        self._attempt("metrics", log)

    def _count_earlier_batches(self) -> None:
        """A model that is trained further goes on where its optimizer stands, as in MLflow."""
        if self.log_every_n_steps is not None:
            self._batches = int(cast("Any", keras.ops).convert_to_numpy(self._trained().optimizer.iterations))

    def _trained(self) -> Any:
        return cast("Any", self).model  # Keras says nothing of its type

    def _attempt(self, what: str, log: Callable[[], None]) -> None:
        try:
            log()
        except Exception as error:  # noqa: BLE001 - a training goes on whatever happens to its record
            if what not in self._told:
                self._told.add(what)
                warn_user(f"{type(self).__name__} could not log {what}, the training goes on: {error}")


class MlflowTensorFlowCallback(MlflowCallback):
    """The same under the names of `mlflow.tensorflow`: params are called `opt_...`."""

    params_prefix = "opt_"
