"""Which run a training is recorded in, and what becomes of the run."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

import nbtrack
from nbtrack.core.errors import NotFoundError
from nbtrack.tracking.autolog import cell_end, options, patching, sessions
from nbtrack.tracking.autolog.patching import Call
from nbtrack.tracking.autolog.sessions import Session


@pytest.fixture(autouse=True)
def _recorded() -> Iterator[None]:
    choose()
    yield
    options.clear("toy")


def choose(**given: Any) -> None:
    options.choose("toy", {**options.COMMON, **given}, own=True)


def train(error: BaseException | None = None, **params: Any) -> Session | None:
    call = Call("train", (), {}, 0.0)
    with sessions.training("toy", call, "Toy") as session:
        if session is not None:
            session.log_params(params)
            session.log_metrics({"score": 0.5})
        call.error = error
    return session


def runs() -> list[Any]:
    return nbtrack.search_runs(output_format="list")


def test_without_an_active_run_a_training_has_one_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    session = train(depth=3)

    (run,) = runs()
    assert session is not None
    assert session.is_own
    assert run.info.status == "FINISHED"
    assert run.info.run_name.startswith("Toy-")
    assert run.data.params == {"depth": "3"}
    assert run.data.tags["mlflow.autologging"] == "toy"
    assert nbtrack.active_run() is None
    said = capsys.readouterr().err
    assert said == f"nbtrack: recorded {run.info.run_name} ({run.info.run_id[:8]})\n"


def test_what_a_session_says_stands_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with sessions.training("toy", Call("train", (), {}, 0.0), "Toy") as session:
        assert session is not None
        session.say("score 0.5")
        session.skip("input example: it would take 2 s")

    (run,) = runs()
    assert capsys.readouterr().err.endswith("): score 0.5, left out: input example: it would take 2 s\n")
    assert run.data.tags["nbtrack.autolog.skipped"] == "input example: it would take 2 s"


def test_silence_means_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    choose(silent=True)

    train()

    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("bad"), "FAILED"), (KeyboardInterrupt(), "FAILED"), (SystemExit(0), "FINISHED")],
)
def test_the_users_error_decides_how_its_own_run_ends(
    error: BaseException, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    train(error)

    (run,) = runs()
    assert run.info.status == status
    assert ("failed" in capsys.readouterr().err) == (status == "FAILED")


def test_an_active_run_wins_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    choose(extra_tags={"team": "nlp"})
    with nbtrack.start_run() as mine:
        session = train(ValueError("of one training"), depth=3)
        assert nbtrack.active_run() is mine

    (run,) = runs()
    assert session is not None
    assert not session.is_own
    assert run.info.status == "FINISHED"
    assert run.data.params == {"depth": "3"}
    assert "mlflow.autologging" not in run.data.tags
    assert "team" not in run.data.tags
    assert capsys.readouterr().err == ""


def test_exclusive_leaves_the_users_runs_alone() -> None:
    choose(exclusive=True, extra_tags={"team": "nlp"})
    with nbtrack.start_run():
        assert train(depth=3) is None

    train(depth=4)

    last, first = runs()
    assert (first.data.params, last.data.params) == ({}, {"depth": "4"})
    assert last.data.tags["team"] == "nlp"


def test_a_later_training_in_one_run_says_otherwise_beside_it() -> None:
    with nbtrack.start_run():
        nbtrack.log_param("rate", 0.1)
        train(depth=3, rate=0.1, kind="a")
        train(depth=4, rate=0.2, kind="a")
        train(depth=3, rate=0.2)

    (run,) = runs()
    first, second, third = {"depth": "3", "rate": "0.1"}, {"depth-2": "4", "rate-2": "0.2"}, {"rate-3": "0.2"}
    assert run.data.params == {"kind": "a"} | first | second | third
    steps = [point.step for point in nbtrack.MlflowClient().get_metric_history(run.info.run_id, "score")]
    assert steps == [0, 1, 2]


def test_a_param_that_the_user_has_logged_otherwise_stays() -> None:
    with nbtrack.start_run():
        nbtrack.log_param("depth", "seven")
        train(depth=7)

    assert runs()[0].data.params == {"depth": "seven", "depth-2": "7"}


def test_long_params_are_cut_and_odd_ones_are_kept_as_text() -> None:
    train(table="x" * 100_000, nothing=None, kinds=[int, str])

    params = runs()[0].data.params
    assert len(params["table"]) == 6000
    assert params["nothing"] == "None"
    assert params["kinds"] == "[<class 'int'>, <class 'str'>]"


def test_what_is_trained_inside_is_not_recorded() -> None:
    with sessions.training("toy", Call("train", (), {}, 0.0), "Outer") as outer:
        assert outer is not None
        assert sessions.is_inside()
        assert train() is None
    assert not sessions.is_inside()
    with sessions.unrecorded():
        assert train() is None

    assert len(runs()) == 1


def test_trainings_of_threads_at_once_have_runs_of_their_own() -> None:
    barrier = threading.Barrier(4)

    def one(depth: int) -> None:
        with sessions.training("toy", Call("train", (), {}, 0.0), "Toy") as session:
            assert session is not None
            barrier.wait(10)
            session.log_params({"depth": depth})
            barrier.wait(10)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4)))

    found = runs()
    assert sorted(run.data.params["depth"] for run in found) == ["0", "1", "2", "3"]
    assert {run.info.status for run in found} == {"FINISHED"}


def test_threads_train_into_the_run_of_their_starter() -> None:
    with nbtrack.start_run(), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda depth: train(depth=depth), [1, 2]))

    (run,) = runs()
    assert sorted(run.data.params.values()) == ["1", "2"]


def test_a_run_that_is_started_inside_is_nested() -> None:
    with sessions.training("toy", Call("train", (), {}, 0.0), "Toy") as session:
        assert session is not None
        with nbtrack.start_run() as mine:
            pass

    assert mine.data.tags["mlflow.parentRunId"] == session.run.run_id
    assert session.run.info.status == "FINISHED"


def test_switched_off_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_DISABLED", "1")
    assert train() is None
    monkeypatch.delenv("NBTRACK_DISABLED")
    options.clear("toy")
    assert train() is None

    assert nbtrack.active_run() is None
    assert runs() == []


def test_a_part_that_fails_costs_no_other() -> None:
    def fail() -> None:
        with sessions.training("toy", Call("train", (), {}, 0.0), "Toy") as session:
            assert session is not None
            with session.attempt("model"):
                raise OSError("full")
            session.log_metrics({"score": 1})

    with pytest.warns(
        RuntimeWarning, match=r"toy autolog could not record all of Toy \(model\): OSError: full"
    ):
        fail()

    assert runs()[0].data.metrics == {"score": 1}


def test_the_allowance_counts_our_own_time_and_grows_with_the_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patching, "time", SimpleNamespace(perf_counter=lambda: 10.0))  # our part takes none
    call = Call("train", (), {}, 10.0)
    session = sessions.begin("toy", call, "Toy")
    assert session is not None

    call.own, call.seconds = 0.019, 0.1
    assert not session.affords(5)
    call.own = 0.001
    assert session.affords()
    call.own, call.seconds = 1.0, 1000.0
    assert session.affords(5000)
    assert not session.affords(9500)
    sessions.close(session)


# ---- loops ---------------------------------------------------------------------------------------


def test_a_loop_ends_with_the_script_or_cell() -> None:
    session = sessions.open_loop("toy", "Loop")
    assert session is not None
    ended: list[str] = []
    session.before_run_ends(lambda: ended.append(session.run.info.status))
    nbtrack.log_metric("mine", 1)
    assert nbtrack.active_run() is session.run

    cell_end.end(None)

    assert session.run.info.status == "FINISHED"
    assert ended == ["RUNNING"]
    assert session.run.data.metrics == {"mine": 1}


def test_a_loop_fails_with_its_cell() -> None:
    session = sessions.open_loop("toy", "Loop")
    assert session is not None

    cell_end.end(ValueError("in the loop"))

    assert session.run.info.status == "FAILED"
    assert session.run.data.tags["nbtrack.error"] == "ValueError: in the loop"


def test_a_loop_gives_way_to_a_run_that_the_user_starts(capsys: pytest.CaptureFixture[str]) -> None:
    session = sessions.open_loop("toy", "Loop")
    assert session is not None
    ended: list[str] = []
    session.before_run_ends(lambda: ended.append("flushed"))

    with nbtrack.start_run() as mine:
        assert session.run.info.status == "FINISHED"
        assert ended == ["flushed"]
    cell_end.end(None)

    assert "mlflow.parentRunId" not in mine.data.tags
    assert ended == ["flushed"]
    assert capsys.readouterr().err.count("nbtrack: recorded Loop-") == 1


def test_a_loop_in_the_users_run_settles_before_that_ends() -> None:
    ended: list[str] = []
    with nbtrack.start_run() as mine:
        session = sessions.open_loop("toy", "Loop")
        assert session is not None
        session.before_run_ends(lambda: ended.append(mine.info.status))

    assert ended == ["RUNNING"]


def test_a_call_beside_a_loop_has_a_run_of_its_own() -> None:
    session = sessions.open_loop("toy", "Loop")
    assert session is not None

    inner = train()

    assert inner is not None
    assert inner.run.run_id != session.run.run_id
    assert inner.run.info.status == "FINISHED"
    assert nbtrack.active_run() is session.run
    cell_end.end(None)


def test_what_fails_before_the_end_of_a_run_does_not_keep_it_open() -> None:
    def fail() -> None:
        raise OSError("full")

    mine = nbtrack.start_run()
    session = sessions.open_loop("toy", "Loop")
    assert session is not None
    session.before_run_ends(fail)

    with pytest.warns(RuntimeWarning, match="is not recorded whole: OSError: full"):
        nbtrack.end_run()

    assert mine.info.status == "FINISHED"


def test_a_forked_child_ends_nothing_that_its_parent_has_begun() -> None:
    session = sessions.open_loop("toy", "Loop")
    assert session is not None
    flushed: list[int] = []
    session.before_run_ends(lambda: flushed.append(os.getpid()))

    child = os.fork()
    if child == 0:
        try:
            cell_end.end(None)
            nbtrack.end_run()
            os._exit(0 if not flushed else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert session.run.info.status == "RUNNING"
    cell_end.end(None)
    assert flushed == [os.getpid()]


def test_a_run_that_was_deleted_meanwhile_costs_one_warning_at_most() -> None:
    session = sessions.open_loop("toy", "Loop")
    assert session is not None
    nbtrack.delete_run(session.run.run_id)

    cell_end.end(None)

    with pytest.raises(NotFoundError):
        nbtrack.get_run("0" * 32)
