"""A study of Optuna's while it is recorded: the run it is recorded in, and the runs of its trials."""

import threading
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.ended_runs import EndedRun
from nbtrack.core.entities import RunStatus
from nbtrack.core.errors import DeletedError, NbtrackError, NotFoundError
from nbtrack.tracking import optuna_records as records
from nbtrack.tracking.active_run import ActiveRun, outcome_of
from nbtrack.tracking.disabled_run import DisabledRun
from nbtrack.tracking.fluent import default_tracker
from nbtrack.tracking.telling import tell

_SHOWN_OF_ID = 8


@dataclass
class Choices:
    """What the user wants of a recording."""

    metric_name: str | list[str] | None = None
    run_name: str | None = None
    tags: Mapping[str, str] | None = None
    silent: bool = False


@dataclass
class _Open:
    """A trial whose objective has begun, and whose end Optuna has not told yet."""

    run: ActiveRun
    trial: Any
    reported: set[int]
    """The steps of which an intermediate value is logged."""
    error: BaseException | None = None


class StudyRecord:
    """The record of one study; it outlives each call of `optimize`, and goes on in the next."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._users = 0
        self._choices = Choices()
        self._names: list[str] = []
        self._run: ActiveRun | None = None
        self._is_own = False
        self._own_id: str | None = None
        self._experiment_id: str | None = None
        self._open: dict[int, _Open] = {}
        self._ids: dict[int, str] = {}
        self._best: float | None = None
        self._states: Counter[str] = Counter()

    @property
    def is_open(self) -> bool:
        """Whether the study is optimizing, or one of its trials is recorded by itself."""
        return self._users > 0

    @contextmanager
    def opened(self, study: Any, choices: Choices) -> Generator[None]:
        """Have a run for the study meanwhile, of which but a trial is told."""
        self.begin(study, choices)
        try:
            yield
        finally:
            self.end(study, None, is_whole=False)

    def begin(self, study: Any, choices: Choices, arguments: Mapping[str, Any] | None = None) -> None:
        """Choose or start the run of the study; for each `begin` there is an `end`.

        Args:
            study: The study.
            choices: What the user wants.
            arguments: What `optimize` was called with; None where it was not.
        """
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            self._choices = choices
            self._names = records.metric_names(study, choices.metric_name)
            self._states = Counter()
            self._best = None
            self._run = self._run_of(study)
            if isinstance(self._run, DisabledRun):
                return
            run_id = self._run.run_id
            self._experiment_id = self._run.info.experiment_id
            default_tracker.set_tags(records.study_tags(study), run_id=run_id)
            records.log_params(run_id, records.study_params(study, arguments or {}))
            if (best := _best_trial(study)) is not None:
                self._log_best(best)  # of an earlier call, or of another process

    def end(self, study: Any, error: BaseException | None, *, is_whole: bool = True) -> None:
        """Keep what the study has found so far, and end its run if it was started for it.

        Args:
            study: The study.
            error: What ended it; None is a good end.
            is_whole: Whether `optimize` has ended, and not just one trial.
        """
        with self._lock:
            self._users -= 1
            run = self._run
            if self._users or run is None:
                return
            self._run = None
        try:
            # Of a trial whose error ends the study Optuna tells nothing more.
            for entry in list(self._open.values()):
                self._leave(study, entry, entry.error or error)
            if is_whole and not isinstance(run, DisabledRun):
                self._log_summary(study, run.run_id)
        finally:
            if self._is_own:
                status, tags = outcome_of(error)
                default_tracker.finish(run, status, tags=tags)
                if is_whole and not self._choices.silent and not isinstance(run, DisabledRun):
                    tell(self._line(study, run, status))

    def start(self, trial: Any) -> None:
        """Start the run of a trial, active in this thread until Optuna tells how the trial ended."""
        parent = self._run
        if parent is None or isinstance(parent, DisabledRun):
            return
        tags = {**(self._choices.tags or {}), "number": str(trial.number)}
        name = f"trial {trial.number}"
        stack = default_tracker.active_runs()
        # A worker thread has none of its own to nest in.
        parent_id = None if stack else parent.run_id
        run = default_tracker.start_run(None, self._experiment_id, name, bool(stack), parent_id, tags)
        # Objectives that start a run of their own work as they are.
        run.takes_nested = True
        entry = _Open(run, trial, set())
        self._open[trial.number] = entry
        self._ids[trial.number] = run.run_id
        _log_reports(entry, self._reported_name())

    def fail(self, trial: Any, error: BaseException) -> None:
        """Remember what the objective of a trial raised."""
        if (entry := self._open.get(trial.number)) is not None:
            entry.error = error

    def leave(self, study: Any, trial: Any, values: Any, error: BaseException | None) -> None:
        """End the run of a trial that Optuna has not been told of yet; `study.tell` will do that.

        Args:
            study: The study.
            trial: The trial.
            values: What its objective has returned.
            error: What it has raised instead.
        """
        if (entry := self._open.get(trial.number)) is not None:
            self._leave(study, entry, error, records.values_of(values))

    def keep(self, study: Any, trial: Any) -> None:
        """Keep what a trial has come to, and end its run.

        Args:
            study: The study.
            trial: The trial as Optuna has stored it, ended.
        """
        parent = self._run
        if parent is None or isinstance(parent, DisabledRun):
            return
        state: str = trial.state.name
        values: list[float] = list(trial.values or ())
        entry = self._open.pop(trial.number, None)
        if entry is not None:
            self._finish(study, entry, trial, state, values, entry.error)
        elif trial.number in self._ids:
            self._correct(study, self._ids[trial.number], trial, state, values)
        else:
            self._add(study, parent, trial, state, values)
        with self._lock:
            self._states[state] += 1
            if state == records.COMPLETE and len(self._names) == 1 and records.is_feasible(trial):
                is_better = self._best is None or (
                    values[0] > self._best if _is_maximized(study) else values[0] < self._best
                )
                if is_better:
                    self._log_best(trial)

    def _run_of(self, study: Any) -> ActiveRun:
        run = default_tracker.run_to_log_to()
        self._is_own = run is None or run.is_autologged
        if run is not None and not self._is_own:
            return run
        if self._own_id is not None:
            with suppress(NotFoundError, DeletedError):
                return default_tracker.start_run(run_id=self._own_id)
        name = str(study.study_name)
        chosen = self._choices.run_name or (None if name.startswith("no-name-") else name)
        run = default_tracker.start_run(run_name=chosen)
        self._own_id = None if isinstance(run, DisabledRun) else run.run_id
        return run

    def _leave(
        self, study: Any, entry: _Open, error: BaseException | None, values: list[float] | None = None
    ) -> None:
        self._open.pop(entry.trial.number, None)
        stored = entry.trial.storage.get_trial(entry.trial._trial_id)
        if type(error).__name__ == "TrialPruned":
            state = records.PRUNED
            last = stored.intermediate_values.get(stored.last_step)
            values = [] if last is None else records.values_of(last)
        else:
            is_good = error is None and values is not None and len(values) == len(self._names)
            state = records.COMPLETE if is_good else records.FAIL
        self._finish(study, entry, stored, state, values or [], error)

    def _finish(
        self,
        study: Any,
        entry: _Open,
        trial: Any,
        state: str,
        values: list[float],
        error: BaseException | None,
    ) -> None:
        run_id = entry.run.run_id
        if trial.params:
            records.log_params(run_id, trial.params)
        for step, value in trial.intermediate_values.items():
            if step not in entry.reported:
                default_tracker.log_metric(self._reported_name(), value, step, run_id=run_id)
        if values and state != records.FAIL:
            default_tracker.log_metrics(self._metrics(values), run_id=run_id)
        tags = {**records.trial_tags(study, trial, state), **(self._choices.tags or {})}
        status = RunStatus.FAILED if state == records.FAIL else RunStatus.FINISHED
        if status == RunStatus.FAILED:
            told = outcome_of(error)[1] if error else {system_tags.ERROR: _NOT_TAKEN}
            tags |= told
        if default_tracker.is_active(entry.run):
            default_tracker.finish(entry.run, status, tags=tags)
        else:
            default_tracker.set_tags(tags, run_id=run_id)  # the objective has ended it itself

    def _correct(self, study: Any, run_id: str, trial: Any, state: str, values: list[float]) -> None:
        """Keep what Optuna was told of a trial whose run has ended before."""
        run = default_tracker.get_run(run_id)
        default_tracker.set_tags(records.trial_tags(study, trial, state), run_id=run_id)
        new = {
            key: value for key, value in self._metrics(values).items() if run.data.metrics.get(key) != value
        }
        if new and state != records.FAIL:
            default_tracker.log_metrics(new, run_id=run_id)
        if (state == records.FAIL) != (run.info.status == RunStatus.FAILED):
            status = RunStatus.FAILED if state == records.FAIL else RunStatus.FINISHED
            default_tracker.set_terminated(run_id, status, run.info.end_time)

    def _add(self, study: Any, parent: ActiveRun, trial: Any, state: str, values: list[float]) -> None:
        """Keep a trial whose objective has worked outside of any run."""
        ended = int(trial.datetime_complete.timestamp() * 1000)
        started = int(trial.datetime_start.timestamp() * 1000) if trial.datetime_start else ended
        points = [(self._reported_name(), value, step) for step, value in trial.intermediate_values.items()]
        if state != records.FAIL:
            points += [(key, value, 0) for key, value in self._metrics(values).items()]
        run = EndedRun(
            f"trial {trial.number}",
            started,
            ended,
            status=RunStatus.FAILED if state == records.FAIL else RunStatus.FINISHED,
            params={key: str(value) for key, value in trial.params.items()},
            points=points,
            tags={**records.trial_tags(study, trial, state), **(self._choices.tags or {})},
        )
        for run_id in parent._add_children([run]):  # pyright: ignore[reportPrivateUsage]
            self._ids[trial.number] = run_id

    def _metrics(self, values: list[float]) -> dict[str, float]:
        return dict(zip(self._names, values, strict=False))

    def _reported_name(self) -> str:
        return f"intermediate_{self._names[0]}"

    def _log_best(self, trial: Any) -> None:
        self._best = trial.values[0]
        if self._run is not None:
            default_tracker.log_metric(
                f"best_{self._names[0]}", trial.values[0], trial.number, run_id=self._run.run_id
            )

    def _log_summary(self, study: Any, run_id: str) -> None:
        default_tracker.log_metrics(
            {f"trials_{state.lower()}": count for state, count in self._states.items()}, run_id=run_id
        )
        if len(self._names) > 1:
            best = [trial for trial in study.best_trials if trial.values]
            table = records.as_table(best, self._names, self._ids)
            default_tracker.log_dict({"best_trials": table}, "best_trials.json", run_id=run_id)
        elif (found := _best_trial(study)) is not None:
            tags = {"best_trial": str(found.number)}
            if found.number in self._ids:
                tags["best_run_id"] = self._ids[found.number]
            default_tracker.set_tags(tags, run_id=run_id)
            records.log_params(run_id, {f"best_{key}": value for key, value in found.params.items()})

    def _line(self, study: Any, run: ActiveRun, status: str) -> str:
        counted = sum(self._states.values())
        said = [] if status == RunStatus.FINISHED else [status.lower()]
        said += [f"{counted} trial{'s'[: counted != 1]}"]
        said += [f"{self._states[state]} {word}" for state, word in _WORDS.items() if self._states[state]]
        if (found := _best_trial(study)) is not None:
            said.append(f"best {self._names[0]} {found.values[0]:.6g} in trial {found.number}")
        return f"nbtrack: recorded study {run.info.run_name} ({run.run_id[:_SHOWN_OF_ID]}): {', '.join(said)}"


_NOT_TAKEN = "The objective returned what Optuna does not take: NaN, no number, or another count of values."
_WORDS = {records.PRUNED: "pruned", records.FAIL: "failed"}


def _log_reports(entry: _Open, key: str) -> None:
    """Log what an objective reports as it goes: a curve that can be watched, and survives a kill."""
    trial, report = entry.trial, entry.trial.report

    def reported(value: Any, step: Any) -> None:
        report(value, step)
        # Of a step that is reported twice Optuna keeps the first value.
        if isinstance(step, int) and step not in entry.reported:
            with suppress(NbtrackError):  # what is missing is logged when the trial ends
                if not entry.reported:
                    records.log_params(entry.run.run_id, trial.params)
                default_tracker.log_metric(key, value, step, run_id=entry.run.run_id)
                entry.reported.add(step)

    with suppress(AttributeError):
        trial.report = reported


def _best_trial(study: Any) -> Any:
    """The best trial of a study with one objective; None where there is none yet."""
    if len(study.directions) != 1:
        return None
    try:
        return study.best_trial
    except ValueError:
        return None


def _is_maximized(study: Any) -> bool:
    return study.directions[0].name == "MAXIMIZE"
