"""What to say of a name that a module does not have: it comes later, is elsewhere, or a slip of the pen."""

import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_FEW = 6
"""So many names are listed."""

_LATER = {
    "": """
        load_model save_model import_checkpoints evaluate evaluation metrics validate_evaluation_results
        MetricThreshold

        catboost diffusers diviner dspy fastai h2o johnsnowlabs langchain llama_index onnx openai paddle
        pmdarima prophet pyspark sentence_transformers shap spacy spark statsmodels
        transformers

        projects run deployments server
    """,
    "artifacts": "get_artifact_repository",
    "data": "from_huggingface from_spark from_tensorflow load_delta",
    "lightning": "get_default_conda_env get_default_pip_requirements",
    "models": """
        EvaluationArtifact EvaluationMetric EvaluationResult MetricThreshold evaluate list_evaluators
        make_metric add_libraries_to_model build_docker evaluation update_model_requirements
    """,
    "pyfunc": """
        add_to_model build_model_env load_pyfunc spark_udf
    """,
    "pytorch": "MlflowModelCheckpointCallback load_checkpoint",
    "tensorflow": "load_checkpoint",
}
LATER = {module: frozenset(names.split()) for module, names in _LATER.items()}
"""By module, `""` is the package: what docs/mlflow.md says comes later, by the names of MLflow 3 and 2."""

_OF_LANGUAGE_MODELS = {
    "": """
        ag2 agent agno anthropic assistant autogen bedrock claude_code crewai gateway gemini genai groq
        haystack litellm mcp mistral otel prompt promptflow pydantic_ai semantic_kernel smolagents strands
        tracing txtai

        add_trace delete_assessment delete_prompt_alias delete_trace_tag flush_trace_async_logging
        get_active_trace_id get_assessment get_current_active_span get_last_active_trace_id get_trace
        load_prompt log_assessment log_expectation log_feedback log_issue log_trace override_feedback
        register_prompt
        search_prompts search_sessions search_traces set_prompt_alias set_trace_tag start_span
        start_span_no_context trace update_assessment update_current_trace
    """,
    "entities": """
        Assessment AssessmentError AssessmentSource AssessmentSourceType Document Expectation Feedback
        LiveSpan NoOpSpan Prompt Span SpanEvent SpanStatus SpanStatusCode SpanType Trace TraceData TraceInfo
        TraceLocation TraceState
    """,
    "models": "set_retriever_schema",
    "pyfunc": """
        ChatAgent ChatModel ResponsesAgent ResponsesAgentRequest ResponsesAgentResponse
        ResponsesAgentStreamEvent set_prediction_context
    """,
    "types": "agent chat llm responses",
}
OUTSIDE = {module: frozenset(names.split()) for module, names in _OF_LANGUAGE_MODELS.items()}
"""By module: what MLflow 3 has for language models, which docs/mlflow.md says is no part of nbtrack."""

ELSEWHERE = {
    name: module
    for module, names in {
        "nbtrack.data": "from_numpy from_pandas from_polars",
        "nbtrack.models": "ModelSignature infer_signature set_signature",
        "nbtrack.pyfunc": "PythonModel PythonModelContext",
        "nbtrack.types": "ColSpec DataType ParamSchema ParamSpec Schema TensorSpec",
    }.items()
    for name in names.split()
}
"""Names that are looked for in the wrong module, and their own."""


def absent(module: str, name: str, known: Collection[str], above: Collection[str] = ()) -> Exception:
    """The error for somebody who asked for `<module>.<name>`; to be raised by a function named `__getattr__`.

    Args:
        module: As it was asked: `nbtrack.sklearn`, or `mlflow.sklearn` where nbtrack answers for MLflow.
        name: What it does not have.
        known: The names it has.
        above: The names of the package it is in: what lies there is often looked for below.

    Returns:
        An AttributeError, so that `hasattr` says no; or an ImportError for `from <module> import <name>`:
        of an AttributeError there Python would keep the message to itself.
    """
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage] - nothing public costs less
    while frame is not None and frame.f_code.co_name == "__getattr__":
        frame = frame.f_back
    if frame is not None and frame.f_code.co_name == "_handle_fromlist":
        # `from nbtrack.tracking import tracker` asks for the name before it looks for a module of that name.
        return AttributeError(name)
    from opcode import opmap  # lazy: it is wanted only when something went wrong

    message = absent_name(module, name, known, above)
    if frame is not None and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]:
        return ImportError(message, name=module)
    # With its name, but without the module: Python would add a guess of its own to ours.
    return AttributeError(message, name=name)


def absent_name(module: str, name: str, known: Collection[str], above: Collection[str] = ()) -> str:
    """The message of that error; see `absent`."""
    message = f"module {module!r} has no attribute {name!r}"
    if name.startswith("_"):  # Python and notebooks ask for these on their own
        return message
    package, _, inner = module.partition(".")
    who = module if package == "nbtrack" else f"nbtrack, which answers for {package} here,"
    what = name if package == "nbtrack" else f"{module}.{name}"
    if package != "nbtrack":
        message = f"{who} has no {what!r}"
    if name in LATER.get(inner, ()):
        return f"{who} has no {what!r} yet: docs/mlflow.md says what comes later"
    if name in OUTSIDE.get(inner, ()):
        why = "what MLflow has for language models is no part of nbtrack (docs/mlflow.md)"
        return f"{who} has no {what!r}: {why}"
    if inner and name in above:
        return f"{message}; it is {package}.{name}"
    home = ELSEWHERE.get(name)
    if home is not None and name not in known:
        return f"{message}; it is {home.replace('nbtrack', package)}.{name}"
    from nbtrack.core.nearest_names import nearest  # lazy: it is wanted only when something went wrong

    public = [each for each in known if not each.startswith("_")]
    if close := nearest(name, public, likeness=0.7):
        return f"{message}; did you mean {close!r}?"
    return f"{message}; it has {', '.join(sorted(public))}" if 0 < len(public) <= _FEW else message


def hints_of(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module of nbtrack, which Python asks for the names that it does not have."""

    def __getattr__(name: str) -> Any:
        own = vars(sys.modules[module])
        known = own.get("__all__") or [each for each in own if each not in ("TYPE_CHECKING", "hints_of")]
        raise absent(module, name, known, sys.modules["nbtrack"].__all__)

    return __getattr__
