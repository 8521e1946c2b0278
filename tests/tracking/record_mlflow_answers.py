"""Asks the real MLflow what `test_mlflow_answers.py` asks nbtrack, and writes down its answers.

Run it with a Python that has MLflow, once for each MLflow that is worth comparing with:

    MLFLOW_DISABLE_TELEMETRY=true python tests/tracking/record_mlflow_answers.py

It writes `mlflow_answers.json` beside itself: the runs, the searches and what they found, as
numbers of runs; the arguments of the functions; the columns of DataFrames. Searches that MLflow
refuses are left out, as nbtrack's filter is more than MLflow's.
"""

import inspect
import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param
from mlflow.exceptions import MlflowException

ANSWERS = Path(__file__).with_name("mlflow_answers.json")
SEARCHES = 420
EXPERIMENT_SEARCHES = 80
IDS = {"run_id", "experiment_id", "artifact_uri"}

FUNCTIONS = """
    active_run create_experiment delete_experiment delete_experiment_tag delete_run delete_tag
    disable_system_metrics_logging enable_system_metrics_logging end_run flush_artifact_async_logging
    flush_async_logging get_artifact_uri get_experiment get_experiment_by_name get_parent_run get_run
    get_tracking_uri is_tracking_uri_set last_active_run load_table log_artifact log_artifacts log_dict
    log_figure log_image log_input log_inputs log_metric log_metrics log_param log_params log_stream
    log_table log_text restore_experiment restore_run search_experiments search_runs set_experiment
    set_experiment_tag set_experiment_tags set_system_metrics_node_id
    set_system_metrics_samples_before_logging set_system_metrics_sampling_interval set_tag set_tags
    set_tracking_uri start_run artifacts.download_artifacts artifacts.list_artifacts artifacts.load_dict
    artifacts.load_image artifacts.load_text data.from_numpy data.from_pandas
    data.get_source MlflowClient.__init__ MlflowClient.create_experiment MlflowClient.create_run
    MlflowClient.delete_experiment MlflowClient.delete_experiment_tag MlflowClient.delete_run
    MlflowClient.delete_tag MlflowClient.download_artifacts MlflowClient.get_experiment
    MlflowClient.get_experiment_by_name MlflowClient.get_metric_history MlflowClient.get_parent_run
    MlflowClient.get_run MlflowClient.list_artifacts MlflowClient.load_table MlflowClient.log_artifact
    MlflowClient.log_artifacts MlflowClient.log_batch MlflowClient.log_dict MlflowClient.log_figure
    MlflowClient.log_image MlflowClient.log_inputs MlflowClient.log_metric MlflowClient.log_param
    MlflowClient.log_stream MlflowClient.log_table MlflowClient.log_text MlflowClient.rename_experiment
    MlflowClient.restore_experiment MlflowClient.restore_run MlflowClient.search_experiments
    MlflowClient.search_runs MlflowClient.set_experiment_tag MlflowClient.set_tag
    MlflowClient.set_terminated MlflowClient.update_run entities.Dataset entities.DatasetInput
    entities.Experiment entities.ExperimentTag entities.FileInfo entities.InputTag entities.Metric
    entities.Param entities.RunData entities.RunInfo entities.RunTag
"""

EXPERIMENTS = [
    {"name": "digits", "tags": {"team": "nlp", "stage": "a"}},
    {"name": "Digits 2", "tags": {"team": "vision"}},
    {"name": "100% sure", "tags": {"team": "NLP", "my tag": "x y"}},
    {"name": "under_score", "tags": {}},
    {"name": "naïve", "tags": {"team": ""}},
    {"name": "underXscore", "tags": {"team": "nlp", "stage": "b"}},
]

METRICS = ["loss", "acc", "val/loss", "val loss", "a.b", "loss.min"]
VALUES = [0.0, -0.0, 0.5, 1.0, -1.0, 2.5, 1e-7, 1e9, 0.1, 0.30000000000000004, float("nan")]
PARAMS = ["lr", "model", "my param", "a.b.c", "opt/name", "note"]
TEXTS = [
    "0.1",
    "0.10",
    "1",
    "10",
    "9",
    "tree",
    "Tree",
    "TREE 2",
    "",
    "None",
    "a%b",
    "a_b",
    "axb",
    "naïve",
    "x'y",
]
TAGS = ["team", "mlflow.note.content", "my-tag", "empty"]
NAMES = ["one", "One", "two words", "t%w", "t_w", "txw", "éclair", "one"]
USERS = ["ada", "Ada", "grace"]


def made_runs(dice: random.Random) -> list[dict[str, Any]]:
    """Forty runs of what users log, and of what is awkward to search."""
    runs: list[dict[str, Any]] = []
    for number in range(40):
        started = (
            1_700_000_000_000 + dice.randrange(40) * 1000 + number
        )  # no two at once: ties go by random id
        status = dice.choice(["FINISHED", "FINISHED", "FAILED", "KILLED", "RUNNING"])
        runs.append(
            {
                "experiment": dice.randrange(2),
                "name": dice.choice(NAMES),
                "start_time": started,
                "end_time": None if status == "RUNNING" else started + dice.randrange(5) * 500,
                "status": status,
                "user": dice.choice(USERS),
                "metrics": {
                    key: [[dice.choice(VALUES), step] for step in range(dice.randint(1, 2))]
                    for key in METRICS
                    if dice.random() < 0.6
                },
                "params": {key: dice.choice(TEXTS) for key in PARAMS if dice.random() < 0.6},
                "tags": {key: dice.choice(TEXTS) for key in TAGS if dice.random() < 0.6},
                "inputs": [
                    [name, dice.choice(["d1", "D2"]), dice.choice(["train", "eval"])]
                    for name in ("iris", "Iris big")
                    if dice.random() < 0.3
                ],
                "deleted": dice.random() < 0.1,
            }
        )
    return runs


def any_case(dice: random.Random, word: str) -> str:
    """A word as people write it."""
    return dice.choice([word, word, word.lower(), word.upper()])


def quoted(dice: random.Random, text: str) -> str:
    """Text between quotes of the one or the other kind."""
    return f'"{text}"' if "'" in text or dice.random() < 0.3 else f"'{text}'"


def key_in_filter(dice: random.Random, key: str) -> str:
    """A key, in backticks or double quotes where it must be or just so."""
    # Without quotes `metrics.loss.min` is the smallest loss to nbtrack, on purpose.
    if key != "loss.min" and key.replace(".", "").replace("_", "").isalnum() and dice.random() < 0.8:
        return key
    return dice.choice([f"`{key}`", f'"{key}"'])


def comparison(dice: random.Random) -> str:
    """One comparison of MLflow's grammar."""
    kind = dice.choice(["metric", "metric", "metric", "param", "param", "tag", "text", "number", "dataset"])
    if kind == "metric":
        entity = dice.choice(["metrics", "metric"])
        value = dice.choice(["0", "0.5", "1", "-1", "1e-7", "0.3", "2.5", "1000000000", "0.1"])
        operator = dice.choice(["=", "!=", ">", ">=", "<", "<="])
        return (
            f"{entity}.{key_in_filter(dice, dice.choice(METRICS))}{dice.choice([' ', ''])}{operator} {value}"
        )
    if kind == "number":
        field = dice.choice(
            ["start_time", "end_time", "attributes.start_time", "created", "attribute.end_time"]
        )
        value = 1_700_000_000_000 + dice.randrange(40) * 1000 + dice.randrange(3)
        return f"{field} {dice.choice(['=', '!=', '>', '>=', '<', '<='])} {value}"
    if kind == "text":
        field, values = dice.choice(
            [
                ("run_name", NAMES),
                ("attributes.run_name", NAMES),
                ("`run name`", NAMES),
                ("status", ["FINISHED", "FAILED", "RUNNING", "KILLED"]),
                ("attributes.status", ["FINISHED", "FAILED", "RUNNING"]),
                ("user_id", USERS),
                ("run_id", ["{id:3}", "{id:7}"]),
                ("attr.run_id", ["{id:3}", "{id:7}"]),
                ("artifact_uri", []),
            ]
        )
        if field == "artifact_uri":  # nbtrack takes a whole one only, on purpose
            return f"artifact_uri {dice.choice(['=', '!='])} '{{uri:{dice.randrange(40)}}}'"
        if "run_id" in field and dice.random() < 0.5:
            listed = ", ".join(f"'{{id:{dice.randrange(40)}}}'" for _ in range(dice.randint(1, 4)))
            return f"{field} {any_case(dice, dice.choice(['IN', 'NOT IN']))} ({listed})"
    elif kind == "dataset":
        entity = dice.choice(["dataset", "datasets"])
        field, values = dice.choice(
            [
                ("name", ["iris", "Iris big"]),
                ("digest", ["d1", "D2"]),
                ("context", ["train", "eval", "TRAIN"]),
            ]
        )
        field = f"{entity}.{field}"
        if dice.random() < 0.3:
            listed = ", ".join(
                quoted(dice, text) for text in dice.sample(values, dice.randint(1, len(values)))
            )
            return f"{field} {any_case(dice, dice.choice(['IN', 'NOT IN']))} ({listed})"
    else:
        entity = dice.choice(["params", "param", "parameters"] if kind == "param" else ["tags", "tag"])
        field = f"{entity}.{key_in_filter(dice, dice.choice(PARAMS if kind == 'param' else TAGS))}"
        values = TEXTS
        if dice.random() < 0.15:
            return f"{field} {any_case(dice, dice.choice(['IS NULL', 'IS NOT NULL']))}"
    operator = dice.choice(["=", "!=", "LIKE", "ILIKE", "LIKE", "ILIKE"])
    text = dice.choice(values)
    if operator in ("LIKE", "ILIKE") and dice.random() < 0.7 and "{" not in text:
        text = dice.choice([f"{text}%", f"%{text}", f"%{text[1:]}%", f"{text[:1]}_{text[2:]}", "%"])
    return f"{field} {any_case(dice, operator)} {quoted(dice, text)}"


def order(dice: random.Random) -> list[str]:
    """An order of at most three fields."""
    fields = [f"metrics.{key_in_filter(dice, key)}" for key in METRICS]
    fields += [f"params.{key_in_filter(dice, key)}" for key in PARAMS]
    fields += [f"tags.{key_in_filter(dice, key)}" for key in TAGS]
    fields += ["start_time", "end_time", "attributes.status", "status", "run_name", "user_id", "created"]
    return [
        f"{field}{dice.choice(['', ' ASC', ' DESC', ' desc', ' asc'])}"
        for field in dice.sample(fields, dice.choice([0, 0, 1, 1, 2, 3]))
    ]


def experiment_comparison(dice: random.Random) -> str:
    """One comparison of experiments, of MLflow's grammar."""
    operator = any_case(dice, dice.choice(["=", "!=", "LIKE", "ILIKE"]))
    if dice.random() < 0.5:
        names = [experiment["name"] for experiment in EXPERIMENTS] + ["digits%", "DIGITS%", "%_score", "%"]
        return f"{dice.choice(['name', 'attribute.name'])} {operator} '{dice.choice(names)}'"
    key = dice.choice(["team", "stage", "`my tag`", "nothing"])
    if dice.random() < 0.2:
        return f"tags.{key} {dice.choice(['IS NULL', 'IS NOT NULL'])}"
    text = dice.choice(["nlp", "NLP", "n%", "a", "", "x y"])
    return f"{dice.choice(['tags', 'tag'])}.{key} {operator} '{text}'"


def record() -> dict[str, Any]:
    """Make the runs, ask everything, and give what is written down."""
    dice = random.Random(17)
    client = MlflowClient()
    ids = [client.create_experiment(made["name"], tags=made["tags"]) for made in EXPERIMENTS]
    runs = made_runs(dice)
    run_ids: list[str] = []
    for made in runs:
        run = client.create_run(
            ids[made["experiment"]],
            made["start_time"],
            {**made["tags"], "mlflow.user": made["user"]},
            made["name"],
        )
        run_ids.append(run.info.run_id)
        client.log_batch(
            run.info.run_id,
            metrics=[
                Metric(key, value, made["start_time"], step)
                for key, points in made["metrics"].items()
                for value, step in points
            ],
            params=[Param(key, text) for key, text in made["params"].items()],
        )
        client.log_inputs(
            run.info.run_id,
            [
                DatasetInput(Dataset(name, digest, "local", "{}"), [InputTag("mlflow.data.context", context)])
                for name, digest, context in made["inputs"]
            ],
        )
        if made["end_time"] is not None:
            client.set_terminated(run.info.run_id, made["status"], made["end_time"])
        if made["deleted"]:
            client.delete_run(run.info.run_id)
    uris = [client.get_run(run_id).info.artifact_uri for run_id in run_ids]

    def ask(asked: str, order_by: list[str], view: int, **more: Any) -> list[int]:
        for number in range(len(run_ids)):
            asked = asked.replace(f"{{id:{number}}}", run_ids[number]).replace(
                f"{{uri:{number}}}", uris[number]
            )
        found = client.search_runs(ids[:2], asked, view, order_by=order_by, **more)
        return [run_ids.index(run.info.run_id) for run in found]

    searches: list[dict[str, Any]] = []
    while len(searches) < SEARCHES:
        joined = f" {any_case(dice, 'and')} ".join(
            comparison(dice) for _ in range(dice.choice([1, 1, 1, 2, 2, 3]))
        )
        asked = dice.choice([joined, joined, joined, ""]) if dice.random() < 0.3 else joined
        question = {"filter": asked, "order_by": order(dice), "view": dice.choice([1, 1, 1, 2, 3])}
        try:
            found = ask(asked, question["order_by"], question["view"])
        except MlflowException:
            continue
        # Searches that find nothing say little: one in four of them is kept.
        if found or dice.random() < 0.25:
            searches.append({**question, "found": found})

    experiment_searches: list[dict[str, Any]] = []
    while len(experiment_searches) < EXPERIMENT_SEARCHES:
        asked = " AND ".join(experiment_comparison(dice) for _ in range(dice.choice([1, 1, 2])))
        by = dice.choice([["name"], ["name ASC"], ["name DESC"], ["attribute.name desc"]])
        try:
            found_names = [
                made.name for made in client.search_experiments(1, filter_string=asked, order_by=by)
            ]
        except MlflowException:
            continue
        experiment_searches.append({"filter": asked, "order_by": by, "found": found_names})

    frame = mlflow.search_runs(ids[:2], order_by=["start_time"])
    numbers = {run_id: number for number, run_id in enumerate(run_ids)}
    return {
        "mlflow": mlflow.__version__,
        "experiments": EXPERIMENTS,
        "runs": runs,
        "searches": searches,
        "experiment_searches": experiment_searches,
        "frame": {
            "columns": sorted(frame.columns),
            "info": list(frame.columns[:6]),
            "times": [name for name, kind in frame.dtypes.items() if kind.kind == "M"],
            "floats": sorted(name for name, kind in frame.dtypes.items() if kind.kind == "f"),
            "run_numbers": [numbers[run_id] for run_id in frame["run_id"]],
            "rows": json.loads(
                frame[sorted({*frame.columns} - IDS)].to_json(orient="values", date_format="iso")
            ),
            "empty": list(mlflow.search_runs(ids[:2], "params.lr = 'none'").columns),
        },
        "last_metrics": [client.get_run(run_id).data.metrics for run_id in run_ids],
        "signatures": {name: arguments(name) for name in FUNCTIONS.split()},
    }


def arguments(name: str) -> list[list[Any]]:
    """Name, kind and, where it is plain, default of each argument of a function of MLflow."""
    function: Any = mlflow
    for part in name.split("."):
        function = getattr(function, part)
    plain = (str, int, float, bool, type(None), tuple)
    return [
        [
            argument.name,
            argument.kind.name,
            argument.default if isinstance(argument.default, plain) else "...",
        ]
        if argument.default is not argument.empty
        else [argument.name, argument.kind.name]
        for argument in inspect.signature(function).parameters.values()
        if argument.name != "self"
    ]


if __name__ == "__main__":
    import mlflow.data  # not loaded by itself

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        answers = record()
    lines = [f' "{part}": {json.dumps(answer, ensure_ascii=False)}' for part, answer in answers.items()]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(answers['searches'])} searches, {ANSWERS.stat().st_size:,} bytes")
