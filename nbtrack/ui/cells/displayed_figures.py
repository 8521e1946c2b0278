"""The figures among what a cell displays: bounded in number and size, as they were published."""

import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from nbtrack.core.mime import MIME_TYPE

MOST, LARGEST = 20, 5 << 20
"""How many figures are kept, and bytes that a file of one may have."""

_IMAGES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
}
_SVG, _HTML = "image/svg+xml", "text/html"
_DATA = re.compile(r"application/vnd\.(plotly|vega|vegalite)\.v\d[\d.]*\+json")
_CODE = re.compile(r"<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_DRAWING = re.compile(
    r"<(?:svg|canvas|iframe|img)\b|plotly-graph-div|data-root-id|altair-viz|vega-embed|mpld3|echarts",
    re.IGNORECASE,
)
_NO_DRAWING = re.compile(r"sk-top-container")


@dataclass(frozen=True)
class _Figure:
    files: Mapping[str, Any]
    """Endings of names, and the data as it was published; None: too large."""
    display_id: str | None = None


class DisplayedFigures:
    """Takes in what is displayed, and keeps the figures of it."""

    def __init__(self) -> None:
        self._figures: list[_Figure] = []
        self._more = 0
        self._is_to_be_cleared = False

    def add(self, bundle: Any, display_id: str | None = None) -> None:
        """Look at what is displayed; what has the id of an earlier display takes its place."""
        files = _files_of(cast("Mapping[str, Any]", bundle)) if isinstance(bundle, Mapping) else {}
        if not files:
            return
        if self._is_to_be_cleared:
            self.clear()
        figure = _Figure(files, display_id)
        for index, shown in enumerate(self._figures):
            if display_id is not None and shown.display_id == display_id:
                self._figures[index] = figure
                return
        if self._figures and _is_same(self._figures[-1].files, files):
            return  # the last value of a cell, which its plotting library displays as well
        if len(self._figures) < MOST:
            self._figures.append(figure)
        else:
            self._more += 1

    def clear(self, *, wait: bool = False) -> None:
        """The output of the cell is cleared, now or when the next figure comes."""
        self._is_to_be_cleared = wait
        if not wait:
            self._figures.clear()
            self._more = 0

    def files(self, left_out: list[tuple[str, str]]) -> Iterator[tuple[int, str, bytes]]:
        """Each file: the number of its figure, the ending of its name, and what it holds.

        Args:
            left_out: Is told of what is left out, and why.
        """
        for number, figure in enumerate(self._figures, start=1):
            for ending, published in figure.files.items():
                data = _bytes_of(ending, published)
                if data is None:
                    left_out.append((f"figure {number} ({ending})", "cannot be read"))
                elif len(data) > LARGEST:
                    left_out.append((f"figure {number} ({ending})", "too large"))
                else:
                    yield number, ending, data
        if self._more:
            what = "1 more figure" if self._more == 1 else f"{self._more:,} more figures"
            left_out.append((what, f"{MOST} are kept"))


def _is_same(shown: Mapping[str, Any], files: Mapping[str, Any]) -> bool:
    """Whether it is one figure: SVG and HTML have other ids each time, its picture is the same."""
    return any(ending in shown and shown[ending] == data for ending, data in files.items())


def _files_of(bundle: Mapping[str, Any]) -> dict[str, Any]:
    if MIME_TYPE in bundle:
        return {}
    files: dict[str, Any] = {}
    for kind, value in bundle.items():
        if kind in _IMAGES:
            files[_IMAGES[kind]] = value
        elif kind == _SVG:
            files["svg"] = value
        elif found := _DATA.fullmatch(kind):
            files[f"{found[1]}.json"] = value
    if "png" in files:  # the others say the same with loss
        files = {ending: data for ending, data in files.items() if ending not in ("jpg", "gif", "webp")}
    # That of a figure with data or a picture needs a script that the front end has.
    if not files and isinstance(html := bundle.get(_HTML), str) and _is_drawing(html):
        files["html"] = html
    return files


def _is_drawing(html: str) -> bool:
    """Whether HTML draws something: a table and a text do not."""
    if _DRAWING.search(html) is None:
        return False
    shown = _CODE.sub("", html)
    return _DRAWING.search(shown) is not None and _NO_DRAWING.search(shown) is None


def _bytes_of(ending: str, published: Any) -> bytes | None:
    try:
        if isinstance(published, bytes):
            return published
        if ending.endswith("json"):
            return json.dumps(published, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")
        if isinstance(published, str):
            if ending in ("svg", "html"):
                return published.encode("utf-8", "surrogatepass")
            return binascii.a2b_base64(published)
    except (ValueError, TypeError, RecursionError):
        pass
    return None
