"""Figures as bytes: matplotlib's in any format it saves, plotly's as HTML, JSON or an image."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from nbtrack.core.errors import InvalidTypeError, InvalidValueError, MissingExtraError

_PLOTLY_IMAGES = ("png", "jpg", "jpeg", "webp", "svg", "pdf")


def figure_bytes(figure: Any, artifact_file: str, save_kwargs: Mapping[str, Any] | None = None) -> bytes:
    """Draw a figure in the format that the ending of `artifact_file` names.

    Raises:
        InvalidTypeError: It is neither a matplotlib nor a plotly figure.
        InvalidValueError: It cannot be saved with that ending.
        MissingExtraError: A plotly figure as an image needs `kaleido`.
    """
    options = dict(save_kwargs or {})
    ending = artifact_file.rpartition(".")[2].lower() if "." in artifact_file else ""
    if hasattr(figure, "savefig"):
        return _matplotlib(figure, ending, options)
    if hasattr(figure, "write_html") and hasattr(figure, "to_json"):
        return _plotly(figure, ending, options)
    raise InvalidTypeError(f"log_figure takes a matplotlib or plotly figure, got {type(figure).__name__}.")


def _matplotlib(figure: Any, ending: str, options: dict[str, Any]) -> bytes:
    options.setdefault("format", ending or "png")
    # A grid of seaborn has `savefig` and no canvas.
    canvas = getattr(figure, "canvas", None)
    known = canvas.get_supported_filetypes() if canvas is not None else {options["format"]}
    if options["format"] not in known:
        raise InvalidValueError(
            f"A matplotlib figure is saved as .{', .'.join(sorted(known))}, not as {options['format']!r}."
        )
    drawn = BytesIO()
    figure.savefig(drawn, **options)
    return drawn.getvalue()


def _plotly(figure: Any, ending: str, options: dict[str, Any]) -> bytes:
    if ending == "html":
        # The library goes into the file: plots open without a network, and call nobody.
        options.setdefault("include_plotlyjs", True)
        options.pop("auto_open", None)
        return figure.to_html(**options).encode()
    if ending == "json":
        return figure.to_json(**options).encode()
    if ending in _PLOTLY_IMAGES:
        try:
            import kaleido  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
        except ImportError:
            raise MissingExtraError("Saving a plotly figure as an image", "kaleido") from None
        return figure.to_image(format=ending, **options)
    raise InvalidValueError(
        f"A plotly figure is saved as .html, .json or .{', .'.join(_PLOTLY_IMAGES)}, not as {ending!r}."
    )
