"""Who records what a Trainer fits: told of each epoch by `loops`, in the process that trains."""

import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from nbtrack.tracking.autolog import sessions
from nbtrack.tracking.autolog.lightning import settings
from nbtrack.tracking.autolog.lightning.checkpoints import Checkpoints
from nbtrack.tracking.autolog.lightning.first_batch import FirstBatch
from nbtrack.tracking.autolog.lightning.metric_numbers import as_numbers

MODE_TAG = "Mode"
"""MLflow's name; `training`, or `testing` once the Trainer has tested."""


class Recorder:
    """Records one `Trainer.fit`."""

    def __init__(
        self, session: sessions.Session | None, facts: Mapping[str, Any], *, logs_metrics: bool
    ) -> None:
        """Nothing happens before `start`.

        Args:
            session: The training; None in a worker process, which finds its run when it needs it.
            facts: What a worker process is told.
            logs_metrics: Whether metrics are its business: not where a logger logs them to the same run.
        """
        self._session = session
        self._facts = dict(facts)
        self._logs_metrics = logs_metrics
        self._options: Mapping[str, Any] = facts["options"]
        self.is_paused = False
        """Whether what the Trainer does now is no part of the training."""
        self.watches_steps = (
            bool(self._options["log_every_n_step"]) or self._options["checkpoint_save_freq"] != "epoch"
        )
        """Whether `end_step` has something to do."""
        self.spent = 0.0
        """Seconds of ours in the training so far."""
        self.first_batch = FirstBatch(facts["signature_file"])
        self._checkpoints = Checkpoints(self._options)
        self._started = 0.0
        self._on_step: set[str] = set()
        self._on_epoch: set[str] = set()
        self._last_step = -1
        self._rates: dict[str, float] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # A Trainer is pickled while it fits only to get into the processes that train.
        return _in_worker, (self._facts, self._logs_metrics)

    @property
    def session(self) -> sessions.Session:
        """The training, as it is recorded by this process."""
        if self._session is None:
            self._session = _worker_session(self._facts)
        return self._session

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Count the time of what is done inside."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.spent += time.perf_counter() - started

    def start(self, trainer: Any) -> None:
        """Record with what the training starts."""
        self._started = time.perf_counter()
        module = trainer.lightning_module
        session = self.session
        with session.attempt("the tag Mode"):
            session.run.set_tag(MODE_TAG, "training")
        with session.attempt("params"):
            session.log_params(settings.of_trainer(trainer, module))
        if self._options["log_models"] and self._options["log_model_signatures"]:
            with session.attempt("signature"):
                self.first_batch.watch(module, session)

    def start_epoch(self, trainer: Any) -> None:
        """Take note of what an epoch starts with."""
        if self._logs_metrics:
            self._rates = settings.learning_rates(trainer)

    def end_epoch(self, trainer: Any, epoch: int) -> None:
        """Record an epoch.

        Args:
            trainer: The Trainer.
            epoch: Which it was, from 0.
        """
        metrics = as_numbers(trainer.callback_metrics)
        # What is logged each step has another x axis.
        of_epoch = {name: value for name, value in metrics.items() if name not in self._on_step}
        self._on_epoch.update(of_epoch)
        every = self._options["log_every_n_epoch"]
        if self._logs_metrics and every and (epoch + 1) % every == 0:
            if not any(name.startswith("lr-") for name in metrics):  # a LearningRateMonitor's
                of_epoch = {**self._rates, **of_epoch}
            self.session.run.log_metrics(of_epoch, step=epoch)
        if self._options["checkpoint_save_freq"] == "epoch":
            self._save(trainer, epoch, metrics)

    def end_step(self, trainer: Any) -> None:
        """Record a step, if it is one of those that are."""
        step: int = trainer.global_step
        if step == self._last_step:
            return  # gradients are accumulated
        self._last_step = step
        every, save_every = self._options["log_every_n_step"], self._options["checkpoint_save_freq"]
        # As MLflow counts: each optimizer of a training step makes one.
        is_due = bool(every) and (step // max(1, len(trainer.optimizers)) + 1) % every == 0
        if every and self._logs_metrics and (is_due or trainer.fit_loop.batch_idx == 0):
            metrics = trainer.callback_metrics
            # `loss` is the epoch's where there is a `loss_step`.
            names = [name for name in metrics if name not in self._on_epoch and f"{name}_step" not in metrics]
            self._on_step.update(names)
            if is_due:
                self.session.run.log_metrics(as_numbers({name: metrics[name] for name in names}), step=step)
        if save_every != "epoch" and step > 0 and step % save_every == 0:
            self._save(trainer, trainer.current_epoch, as_numbers(trainer.callback_metrics))

    def end(self, trainer: Any) -> None:
        """Record how the training ended."""
        session = self.session
        with session.attempt("params"):
            session.log_params(settings.sizes(trainer.lightning_module))
        with session.attempt("early stopping"):
            if early_stopping := settings.early_stopping_of(trainer):
                session.log_metrics(settings.of_stopping(early_stopping))
        with session.attempt("checkpoint"):
            self._checkpoints.end(trainer, session)

    def rescue(self) -> None:
        """Keep what is held of a training that has failed."""
        with self.session.attempt("checkpoint"):
            self._checkpoints.rescue(self.session)

    def _save(self, trainer: Any, epoch: int, metrics: Mapping[str, float]) -> None:
        with self.session.attempt("checkpoint"):
            trained = time.perf_counter() - self._started
            self._checkpoints.note(trainer, epoch, metrics, self.session, trained)


def _in_worker(facts: dict[str, Any], logs_metrics: bool) -> Recorder:
    """A recorder in a process that the Trainer has started."""
    from importlib import import_module

    from nbtrack.tracking.autolog.frameworks import FRAMEWORKS

    recorder = Recorder(None, facts, logs_metrics=logs_metrics)
    if os.getpid() == facts["process"]:
        recorder.is_paused = True  # a copy that somebody has made where the training goes on
    else:
        package = import_module(facts["package"])
        for watched in FRAMEWORKS["pytorch"].watched:
            if watched.module == package.__name__:
                ours: Any = import_module(watched.hooks)
                for hook in ours.hooks(package):
                    hook.put_on()
    return recorder


def _worker_session(facts: Mapping[str, Any]) -> sessions.Session:
    from nbtrack.core.errors import NotFoundError
    from nbtrack.tracking.fluent import default_tracker

    run = default_tracker.run_to_log_to()
    if run is None or run.run_id != facts["run_id"]:
        raise NotFoundError("run", facts["run_id"])
    session = sessions.Session("pytorch", None, facts["title"], run, is_own=False)
    session.options, session.ordinal = facts["options"], facts["ordinal"]
    return session
