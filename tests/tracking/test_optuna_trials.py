"""Studies of Optuna, as they are recorded."""

import gc
import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

import nbtrack
from nbtrack.core.errors import InvalidTypeError
from nbtrack.optuna import TrialsCallback


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(optuna.logging.INFO)


def a_study(name: str | None = "hills", *directions: str, **given: Any) -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(seed=0)
    return optuna.create_study(
        study_name=name, sampler=sampler, directions=directions or ["maximize"], **given
    )


def height(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -1, 1)
    trial.suggest_categorical("side", ["north", "south"])
    nbtrack.log_metric("seen", x)
    return 1 - x * x


def recorded() -> dict[str, nbtrack.Run]:
    """All runs, by name."""
    runs: Any = nbtrack.search_runs(output_format="list")
    return {run.info.run_name: run for run in runs}


def nothing_goes_on() -> bool:
    return nbtrack.active_run() is None and {run.info.status for run in recorded().values()} <= {
        "FINISHED",
        "FAILED",
    }


def test_each_trial_is_a_nested_run_in_which_its_objective_works(capsys: pytest.CaptureFixture[str]) -> None:
    study = a_study()
    study.set_user_attr("data", "alps")

    study.optimize(height, n_trials=3, callbacks=[TrialsCallback(metric_name="height", tags={"team": "geo"})])

    runs = recorded()
    above = runs["hills"]
    assert sorted(runs) == ["hills", "trial 0", "trial 1", "trial 2"]
    assert nothing_goes_on()
    for trial in study.trials:
        run = runs[f"trial {trial.number}"]
        assert run.data.params == {key: str(value) for key, value in trial.params.items()}
        assert run.data.metrics == {"seen": trial.params["x"], "height": trial.value}
        tags = run.data.tags
        assert (tags["mlflow.parentRunId"], tags["team"]) == (above.info.run_id, "geo")
        assert (tags["number"], tags["state"], tags["direction"]) == (
            str(trial.number),
            "COMPLETE",
            "MAXIMIZE",
        )
        assert tags["side_distribution"] == "CategoricalDistribution(choices=('north', 'south'))"
        assert tags["datetime_complete"] == str(trial.datetime_complete)
    best = study.best_trial
    assert above.data.params == {
        "sampler": "RandomSampler",
        "pruner": "MedianPruner",
        "n_trials": "3",
        "best_x": str(best.params["x"]),
        "best_side": best.params["side"],
    }
    assert above.data.metrics == {"best_height": best.value, "trials_complete": 3}
    assert above.data.tags["best_run_id"] == runs[f"trial {best.number}"].info.run_id
    assert (above.data.tags["study_name"], above.data.tags["data"]) == ("hills", "alps")
    line = capsys.readouterr().err.strip()
    assert line.startswith(
        f"nbtrack: recorded study hills ({above.info.run_id[:8]}): 3 trials, best height 0."
    )
    assert "\n" not in line


def test_the_best_value_so_far_is_a_curve_over_the_trials() -> None:
    study = a_study()

    with nbtrack.start_run() as run:
        study.optimize(height, n_trials=12, callbacks=[TrialsCallback()])

    points = run.metric_history("best_value")
    improved = [
        trial
        for trial in study.trials
        if trial.value == max(t.value for t in study.trials[: trial.number + 1])
    ]
    assert [(point.step, point.value) for point in points] == [(t.number, t.value) for t in improved]


def test_trials_nest_in_the_active_run_which_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with nbtrack.start_run(run_name="mine") as run:
        a_study().optimize(height, n_trials=2, callbacks=[TrialsCallback()])
        active = nbtrack.active_run()
        nbtrack.log_param("after", 1)

    runs = recorded()
    assert active == run
    assert sorted(runs) == ["mine", "trial 0", "trial 1"]
    assert {runs[f"trial {number}"].data.tags["mlflow.parentRunId"] for number in range(2)} == {run.run_id}
    assert runs["mine"].data.params["after"] == "1"
    assert capsys.readouterr().err == ""


def test_pruned_and_failed_trials_say_so_and_keep_what_they_had() -> None:
    def objective(trial: optuna.Trial) -> Any:
        x = trial.suggest_float("x", 0, 1)
        for step in range(2):
            trial.report(x + step, step)
        if trial.number == 0:
            raise optuna.TrialPruned
        if trial.number == 1:
            raise ValueError("no such luck")
        return float("nan") if trial.number == 2 else x

    a_study().optimize(objective, n_trials=4, callbacks=[TrialsCallback()], catch=(ValueError,))

    runs = recorded()
    trials = [runs[f"trial {number}"] for number in range(4)]
    assert [run.data.tags["state"] for run in trials] == ["PRUNED", "FAIL", "FAIL", "COMPLETE"]
    assert [run.info.status for run in trials] == ["FINISHED", "FAILED", "FAILED", "FINISHED"]
    assert trials[1].data.tags["nbtrack.error"] == "ValueError: no such luck"
    assert "does not take: NaN" in trials[2].data.tags["nbtrack.error"]
    assert ["value" in run.data.metrics for run in trials] == [True, False, False, True]
    for run in trials:
        curve = run.data.summaries["intermediate_value"]
        assert (curve.count, curve.last_step, curve.last) == (2, 1, float(run.data.params["x"]) + 1)
    counts = {key: value for key, value in runs["hills"].data.metrics.items() if key.startswith("trials_")}
    assert counts == {"trials_complete": 1, "trials_pruned": 1, "trials_fail": 2}
    assert nothing_goes_on()


def test_intermediate_values_are_logged_as_they_are_reported() -> None:
    seen: list[Any] = []

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.report(x, 7)
        run = nbtrack.active_run()
        assert run is not None
        seen.append((run.data.metrics, run.data.params))
        return x

    study = a_study()
    study.optimize(objective, n_trials=1, callbacks=[TrialsCallback(metric_name="loss")])

    x = study.trials[0].params["x"]
    assert seen == [({"intermediate_loss": x}, {"x": str(x)})]
    assert recorded()["trial 0"].data.summaries["intermediate_loss"].count == 1


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_an_error_that_ends_the_study_ends_all_runs_and_goes_on_to_the_user(error: BaseException) -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 1:
            raise error
        return x

    with pytest.raises(type(error)):
        a_study().optimize(objective, n_trials=3, callbacks=[TrialsCallback()])

    runs = recorded()
    assert {name: run.info.status for name, run in runs.items()} == {
        "hills": "FAILED",
        "trial 0": "FINISHED",
        "trial 1": "FAILED",
    }
    assert type(error).__name__ in runs["trial 1"].data.tags["nbtrack.error"]
    assert runs["trial 1"].data.params
    assert runs["hills"].data.params["best_x"] == runs["trial 0"].data.params["x"]
    assert nothing_goes_on()


def test_trials_in_threads_do_not_mix() -> None:
    with nbtrack.start_run() as run:
        study = a_study()
        study.optimize(height, n_trials=12, n_jobs=4, callbacks=[TrialsCallback()])
        active = nbtrack.active_run()

    runs = recorded()
    assert active == run
    for trial in study.trials:
        kept = runs[f"trial {trial.number}"]
        assert kept.data.metrics == {"seen": trial.params["x"], "value": trial.value}
        assert kept.data.tags["mlflow.parentRunId"] == run.run_id
    assert len(runs) == 13
    assert nothing_goes_on()


def test_an_error_in_one_of_several_threads_leaves_nothing_running() -> None:
    def objective(trial: optuna.Trial) -> float:
        if trial.number == 3:
            raise RuntimeError("broken")
        return height(trial)

    with pytest.raises(RuntimeError, match="broken"):
        a_study(None).optimize(objective, n_trials=8, n_jobs=3, callbacks=[TrialsCallback(run_name="all")])

    assert recorded()["all"].info.status == "FAILED"
    assert recorded()["trial 3"].info.status == "FAILED"
    assert nothing_goes_on()


def test_several_objectives_have_a_metric_each_and_their_best_trials() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_float("x", 0, 1)
        return x, x * x

    named, numbered = a_study("named", "minimize", "maximize"), a_study("plain", "minimize", "maximize")

    numbered.optimize(objective, n_trials=1, callbacks=[TrialsCallback()])
    of_numbered = recorded()
    nbtrack.set_experiment("named")
    named.optimize(objective, n_trials=2, callbacks=[TrialsCallback(metric_name=["cost", "gain"])])
    of_named = recorded()

    assert set(of_named["trial 0"].data.metrics) == {"cost", "gain"}
    assert set(of_numbered["trial 0"].data.metrics) == {"value_0", "value_1"}
    path = nbtrack.download_artifacts(of_named["named"].info.run_id, "best_trials.json")
    best = json.loads(Path(path).read_text())["best_trials"]
    assert {each["number"] for each in best} == {trial.number for trial in named.best_trials}
    assert best[0]["run_id"] == of_named[f"trial {best[0]['number']}"].info.run_id
    assert of_named["named"].data.tags["direction"] == "['MINIMIZE', 'MAXIMIZE']"


def test_names_that_do_not_fit_the_objectives_warn_and_lose_nothing() -> None:
    with pytest.warns(RuntimeWarning, match="has 2 names, but the study has 1 objectives"):
        a_study().optimize(height, n_trials=1, callbacks=[TrialsCallback(metric_name=["cost", "gain"])])

    assert "value" in recorded()["trial 0"].data.metrics


def test_optimizing_again_goes_on_in_the_same_run() -> None:
    study = a_study()

    study.optimize(height, n_trials=2, callbacks=[TrialsCallback()])
    study.optimize(height, n_trials=3, callbacks=[TrialsCallback()])

    runs = recorded()
    assert len(runs) == 6
    assert runs["hills"].data.metrics["best_value"] == study.best_value
    assert runs["hills"].data.params["n_trials-2"] == "3"
    assert {runs[f"trial {number}"].data.tags["mlflow.parentRunId"] for number in range(5)} == {
        runs["hills"].info.run_id
    }


def test_a_study_from_a_storage_knows_its_best_trial_of_before(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/study.db"
    a_study("kept", storage=storage).optimize(lambda trial: 5 + trial.suggest_float("x", 0, 1), n_trials=1)
    again = optuna.load_study(study_name="kept", storage=storage)

    again.optimize(height, n_trials=1, callbacks=[TrialsCallback()])

    runs = recorded()
    assert sorted(runs) == ["kept", "trial 1"]
    assert runs["kept"].data.metrics["best_value"] == again.best_value > 5
    assert runs["kept"].data.tags["best_trial"] == "0"


def test_an_objective_may_start_runs_of_its_own_and_end_them() -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 0:
            with nbtrack.start_run(run_name="inner"):
                nbtrack.log_param("fold", 1)
        else:
            nbtrack.log_param("x", "other")
            nbtrack.end_run()
        return x

    a_study().optimize(objective, n_trials=2, callbacks=[TrialsCallback()])

    runs = recorded()
    assert runs["inner"].data.tags["mlflow.parentRunId"] == runs["trial 0"].info.run_id
    assert runs["trial 1"].data.params["x"] == "other"
    assert runs["trial 1"].data.metrics["value"] == float(runs["trial 1"].data.params["x-2"])
    assert runs["trial 1"].data.tags["state"] == "COMPLETE"
    assert nothing_goes_on()


def test_between_ask_and_tell_a_tracked_objective_works_in_the_run_of_its_trial() -> None:
    callback = TrialsCallback()
    objective = callback.track(height)
    study = a_study()

    for _ in range(2):
        trial = study.ask()
        value = objective(trial)
        went_on = nbtrack.active_run()
        if trial.number == 0:
            study.tell(trial, value)
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        callback(study, study.trials[-1])

    runs = recorded()
    assert went_on is None
    assert sorted(runs) == ["hills", "trial 0", "trial 1"]
    assert runs["trial 0"].data.metrics["value"] == study.trials[0].value
    assert [runs[f"trial {n}"].data.tags["state"] for n in range(2)] == ["COMPLETE", "FAIL"]
    assert runs["trial 1"].info.status == "FAILED"
    assert runs["hills"].data.metrics["best_value"] == study.best_value
    assert nothing_goes_on()


def test_a_trial_that_is_only_told_of_is_kept_too() -> None:
    callback = TrialsCallback(metric_name="height")
    study = a_study()
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    trial.report(0.25, 3)
    study.tell(trial, 0.5)

    with nbtrack.start_run(run_name="mine") as run:
        callback(study, study.trials[-1])

    kept = recorded()["trial 0"]
    assert kept.data.metrics == {"intermediate_height": 0.25, "height": 0.5}
    assert kept.data.params == {"x": str(trial.params["x"])}
    assert kept.data.tags["mlflow.parentRunId"] == run.run_id
    assert recorded()["mine"].data.metrics["best_height"] == 0.5


def test_a_decorated_objective_is_recorded_without_a_callback_and_still_works_by_hand() -> None:
    callback = TrialsCallback(silent=True)

    @callback.track
    def objective(trial: optuna.Trial) -> float:
        """How high it is."""
        return height(trial)

    by_hand = objective(optuna.trial.FixedTrial({"x": 0.5, "side": "north"}))
    of_hand = recorded()
    nbtrack.end_run()
    a_study().optimize(objective, n_trials=2)

    assert (by_hand, len(of_hand)) == (0.75, 1)
    assert objective.__doc__ == "How high it is."
    assert callback.track(objective) is objective
    assert len([name for name in recorded() if name.startswith("trial ")]) == 2
    assert recorded()["hills"].data.metrics["trials_complete"] == 2


def test_studies_without_the_callback_are_left_alone() -> None:
    TrialsCallback()

    a_study().optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2, callbacks=[lambda *_: None])
    with pytest.raises(TypeError):
        a_study().optimize(3, n_trials=1)  # type: ignore[arg-type]

    assert recorded() == {}


def test_nothing_is_recorded_while_tracking_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "true")
    study = a_study()

    study.optimize(height, n_trials=2, callbacks=[TrialsCallback()])
    monkeypatch.delenv("NBTRACK_DISABLED")

    assert len(study.trials) == 2
    assert recorded() == {}


def test_a_study_is_not_kept_in_memory() -> None:
    study = a_study()
    study.optimize(height, n_trials=1, callbacks=[TrialsCallback()])
    watch = weakref.ref(study)

    del study
    gc.collect()

    assert watch() is None


@pytest.mark.parametrize(
    "given", [{"metric_name": 3}, {"metric_name": ["a", ""]}, {"tags": ["team"]}, {"metric_name": [None]}]
)
def test_arguments_of_wrong_types_are_refused_at_once(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidTypeError, match=r"metric_name is text|tags are given as a dict"):
        TrialsCallback(**given)
