"""A model from code: this file is the model."""

import mlflow
from mlflow.models import ModelConfig, set_model

config = ModelConfig(development_config={"factor": 1})


class FromCode(mlflow.pyfunc.PythonModel):
    """Multiplies the width."""

    def predict(self, context, model_input, params=None):
        return model_input["width"] * config.get("factor")


set_model(FromCode())
