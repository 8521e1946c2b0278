"""What to say of a name that `nbtrack` does not have: it comes later, or it is a slip of the pen."""

from collections.abc import Collection

_NAMES = """
    load_model save_model import_checkpoints evaluate validate_evaluation_results MetricThreshold

    catboost diviner dspy fastai h2o johnsnowlabs langchain llama_index onnx openai paddle
    pmdarima prophet pyspark sentence_transformers shap spacy spark statsmodels
    transformers

    autolog projects run
"""
LATER = frozenset(_NAMES.split())
"""Names that MLflow 3 has, or had in 2, of what docs/mlflow.md lists as coming later."""


def absent_name(name: str, known: Collection[str]) -> str:
    """The message for somebody who asked for `nbtrack.<name>`, which is not among the `known` names."""
    if name in LATER:
        return f"nbtrack has no {name!r} yet: docs/mlflow.md says what comes later"
    message = f"module 'nbtrack' has no attribute {name!r}"
    if name.startswith("_"):  # Python and notebooks ask for these on their own
        return message
    from difflib import get_close_matches  # lazy: it is wanted only when something went wrong

    close = get_close_matches(name[:80], known, n=1, cutoff=0.7)
    return f"{message}; did you mean {close[0]!r}?" if close else message
