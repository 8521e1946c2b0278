"""What is measured of a model after its training is logged as by MLflow, and also where MLflow is blind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import accuracy_score

import nbtrack
from nbtrack.tracking.autolog import drawing
from tests.tracking.autolog.sklearn.measured_cases import CASES, PREPARATION

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("mlflow_measured.json").read_text())

MORE: dict[str, list[str]] = {
    "imported before autolog": ["accuracy_score_X_test"],
    "a column of probabilities": ["roc_auc_score_X_test"],
    "decision function": ["hinge_loss_X_test"],
    "a search": ["GridSearchCV_score_X_test", "accuracy_score_X_test"],
    "the best of a search": ["accuracy_score_X_test"],
    "clusters of fit_predict": ["silhouette_score_X_train"],
    "labels_ of clusters": ["silhouette_score_X_train"],
    "a list": ["accuracy_score_X_test"],
    "the usual decision": ["f1_score_X_test"],
    "columns of a frame": ["roc_auc_score_X_test"],
    "a scorer": ["log_loss_X_test"],
}
"""What nbtrack logs where MLflow logs nothing."""

LESS = ("inside scikit-learn",)
"""Where MLflow logs what the user did not compute: scores of shuffled columns, by the dozen."""


@pytest.mark.parametrize("name", CASES)
def test_what_is_measured_after_a_training_is_logged_as_by_mlflow(
    name: str, autolog: Callable[..., None]
) -> None:
    autolog(log_models=False, log_datasets=False)

    exec(PREPARATION + CASES[name], {"__name__": "__main__", "early_accuracy_score": accuracy_score})

    ours = sorted(
        (told for run in nbtrack.search_runs(output_format="list") if (told := _told(run))), key=str
    )
    if name in MORE:
        assert not ANSWERS[name]
        assert [sorted(told) for told in ours] == [MORE[name]]
    elif name in LESS:
        assert not ours
    else:
        assert ours == [
            {key: [pytest.approx(value), call] for key, (value, call) in told.items()}
            for told in ANSWERS[name]
        ]


def _told(run: Any) -> dict[str, Any]:
    """The metrics of a run that were measured after its training, with the calls."""
    drawing._waiting.clear()  # whoever lists artifacts waits for pictures
    files = [file.path for file in nbtrack.MlflowClient().list_artifacts(run.info.run_id)]
    if "metric_info.json" not in files:
        return {}
    calls = nbtrack.artifacts.load_dict(f"runs:/{run.info.run_id}/metric_info.json")
    return {key: [run.data.metrics[key], call] for key, call in calls.items()}
