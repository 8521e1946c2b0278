"""All kinds of artifacts."""

import json
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import mlflow
import numpy as np
import pandas as pd
from mlflow.artifacts import download_artifacts, load_dict, load_text

mpl.use("agg")

import matplotlib.pyplot as plt
import plotly.graph_objects as go

Path("plots/by_week").mkdir(parents=True)
Path("plots/readme.txt").write_text("two plots")
Path("plots/by_week/1.csv").write_text("day,height\n1,2.5\n")
with open("levels.json", "w") as file:
    json.dump({"high": 4.1, "low": 0.3}, file)

with mlflow.start_run() as run:
    mlflow.log_artifact("levels.json")
    mlflow.log_artifact(Path("levels.json"), artifact_path="copies/first")
    mlflow.log_artifact("plots")
    mlflow.log_artifacts("plots", artifact_path="pictures")
    mlflow.log_text("Low water at noon.\nHöchststand: 4,1 m\n", "notes/today.txt")
    mlflow.log_dict({"stations": ["a", "b"], "depth": {"a": 3}}, "stations.yaml")
    mlflow.log_dict({"mean": 2.25, "when": pd.Timestamp("2024-05-03")}, "summary.json")
    mlflow.log_stream(BytesIO(b"\x00\x01"), "raw/trace.bin")

    fig, ax = plt.subplots()
    ax.plot([1, 3, 2], label="height")
    ax.legend()
    mlflow.log_figure(fig, "figures/height.png")
    plt.close(fig)
    mlflow.log_figure(go.Figure(go.Bar(y=[1, 2])), "figures/bars.html")
    mlflow.log_image(np.zeros((4, 6, 3), dtype=np.uint8), "figures/black.png")

    mlflow.log_table({"station": ["a", "b"], "height": [2.5, 2.0]}, artifact_file="heights.json")
    mlflow.log_table(pd.DataFrame({"station": ["c"], "height": [1.5]}), "heights.json")
    # Columns and rows apart, as pandas splits a frame.
    mlflow.log_table(
        data={"columns": ["station", "low", "high"], "data": [["a", 0.5, 4], ["b", 0.25, 3]]},
        artifact_file="tables/range.json",
    )
    uri = mlflow.get_artifact_uri("notes/today.txt")

print(load_text(uri).splitlines()[0])
print(load_dict(f"runs:/{run.info.run_id}/levels.json"))
print(mlflow.load_table("heights.json", run_ids=[run.info.run_id])["height"].sum())
print(mlflow.load_table("tables/range.json").to_dict("list"))
folder = download_artifacts(run_id=run.info.run_id, artifact_path="pictures", dst_path="fetched")
print(sorted(path.name for path in Path(folder).rglob("*") if path.is_file()))
client = mlflow.MlflowClient()
print([found.path for found in client.list_artifacts(run.info.run_id, "figures")])
