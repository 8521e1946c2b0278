"""Models in Python: with files of their own, with settings, and with a signature by hand."""

import json
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.models.signature import infer_signature
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, table):
        return table * self.factor


class Gauge(mlflow.pyfunc.PythonModel):
    """Made of parts, as they come out of a training."""

    def __init__(self, before, after):
        self.before, self.after = before, after

    def load_context(self, context):
        self.zero = json.loads(Path(context.artifacts["levels"]).read_text())["zero"]

    def predict(self, context, model_input, params=None):
        digits = (params or {}).get("digits", 1)
        height = self.before(model_input)["reading"] + self.zero
        assert Path(context.artifacts["levels"]).is_file()
        return [round(self.after(value), digits) for value in height]


Path("levels.json").write_text('{"zero": 10}')
signature = ModelSignature(
    inputs=Schema([ColSpec("double", "reading"), ColSpec("string", "station", required=False)]),
    outputs=Schema([ColSpec("double")]),
    params=ParamSchema([ParamSpec("digits", "integer", 1)]),
)
with mlflow.start_run() as run:
    mlflow.pyfunc.log_model(
        artifact_path="gauge",
        python_model=Gauge(Scale(2), float),
        artifacts={"levels": "levels.json"},
        signature=signature,
        input_example=pd.DataFrame({"reading": [0.5]}),
        pip_requirements=["numpy"],
    )

gauge = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/gauge")
print(gauge.predict(pd.DataFrame({"reading": [0.111, 2.0]})))
print(gauge.predict(pd.DataFrame({"reading": [0.111]}), params={"digits": 3}))
print(gauge.metadata.signature.inputs.input_names())
try:
    gauge.predict(pd.DataFrame({"reading": ["deep"]}))
except mlflow.exceptions.MlflowException as error:
    print(error.error_code)
print(type(gauge.unwrap_python_model()).__name__)

# Outside of any run: a folder that can be sent to somebody.
files = {"levels": "levels.json"}
mlflow.pyfunc.save_model("gauge_folder", python_model=Gauge(Scale(1), int), artifacts=files)
print(mlflow.pyfunc.load_model("gauge_folder").predict(pd.DataFrame({"reading": [4.0]})))

waves = infer_signature(np.zeros((2, 3), dtype=np.float32), np.zeros(2, dtype=np.int64))
print(waves.inputs == Schema([TensorSpec(np.dtype("float32"), (-1, 3))]), waves.outputs.is_tensor_spec())
