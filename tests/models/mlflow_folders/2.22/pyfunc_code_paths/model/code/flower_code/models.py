"""A Python model of a user, and what it needs beside it."""

import mlflow.pyfunc

from flower_code.loader import times


class Scale(mlflow.pyfunc.PythonModel):
    """Multiplies the length."""

    def __init__(self, factor):
        self.factor = factor

    def predict(self, context, model_input, params=None):
        return times(self.factor, model_input["length"])
