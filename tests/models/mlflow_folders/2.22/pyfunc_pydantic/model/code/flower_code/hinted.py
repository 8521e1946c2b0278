"""A Python model whose input is described by a class of pydantic."""

import pydantic
from mlflow.pyfunc import PythonModel


class Person(pydantic.BaseModel):
    """Who is greeted."""

    name: str
    age: int | None = None


class Greeting(PythonModel):
    """Greets."""

    def predict(self, model_input: list[Person], params=None) -> list[str]:
        return [f"{person.name} is {person.age}" for person in model_input]
