"""The traceback of a cell as text, as it is kept with the run."""

from traceback import TracebackException
from typing import Any


def traceback_text(error: BaseException, shell: Any) -> str:
    """The traceback without the frames of IPython that ran the cell.

    Args:
        error: What ended the cell.
        shell: Knows the cells by the names their code has in frames, which are paths of
            temporary files that nobody has seen.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next and "IPython" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    whole = TracebackException(type(error), error, trace)
    _name_cells(whole, shell, set())
    return "".join(whole.format())


def _name_cells(part: TracebackException | None, shell: Any, seen: set[int]) -> None:
    if part is None or id(part) in seen:
        return
    seen.add(id(part))
    for frame in part.stack:
        name: Any = shell.compile.format_code_name(frame.filename)
        if name is not None:
            frame.filename = " ".join(name)
    for linked in (part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())):
        _name_cells(linked, shell, seen)
