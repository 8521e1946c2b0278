"""What any model of a framework needs: for code that writes an environment of its own around it.

What a certain model needs is found out when it is saved, see `requirements.py`.
"""

from typing import Any

# The modules of a flavor, and what its models may ask for beside it.
_MODULES = {
    "sklearn": ("sklearn",),
    "pytorch": ("torch", "cloudpickle"),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "keras": ("keras",),
    "python": ("cloudpickle",),
}


def default_requirements(flavor: str, *, cloudpickle: bool = False, skops: bool = False) -> list[str]:
    """Lines such as `scikit-learn==1.9.1`, by name; what is not installed here has none.

    Args:
        flavor: One of `nbtrack.models.flavors.known.FLAVORS`.
        cloudpickle: Whether the model is pickled.
        skops: Whether it is written by skops.
    """
    from nbtrack.models.requirements import infer_requirements  # lazy: few who log a model ask

    more = [name for name, wanted in (("cloudpickle", cloudpickle), ("skops", skops)) if wanted]
    return infer_requirements([*_MODULES[flavor], *more])


def default_conda_env(flavor: str, *, cloudpickle: bool = False, skops: bool = False) -> dict[str, Any]:
    """The same as a conda environment for `log_model(conda_env=...)`; it is the caller's to change."""
    from nbtrack.models.requirements import conda_environment  # lazy, as above

    return conda_environment(default_requirements(flavor, cloudpickle=cloudpickle, skops=skops))
