"""How promotions, requests and the history of a registered model look: HTML without CSS, and text.

Everything is drawn from the entity alone, and every name is text, always escaped.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbtrack.core.html_tables import html_pairs, html_table, safe
from nbtrack.core.static_views import View
from nbtrack.core.text_tables import folded_table, moment, shortened, text_table, text_width, visible

if TYPE_CHECKING:
    from nbtrack.core.promotions import Promotion, PromotionRequest
    from nbtrack.core.registry_events import RegistryEvent

_CELL = 60
_LINE = 200
_SHOWN_ROWS = 50
_SIGNS = {"promoted": "✓", "kept": "·", "requested": "…", "rejected": "✗"}


def promotion_card(promotion: "Promotion") -> View:
    """What came of a promotion: a sentence, and what goes on from there."""
    sign = _SIGNS.get(promotion.status, "·")
    lines = [f"{sign} {promotion.reason}"]
    name = repr(shortened(promotion.name, _CELL))
    if promotion.status == "promoted":
        lines.append(f"Take it back: nbtrack.undo({name})")
    elif promotion.status == "requested":
        lines.append(
            f"Decide on it: nbtrack.approve({name}, {promotion.request}) or "
            f"nbtrack.reject({name}, {promotion.request})"
        )
    html = "".join(f"<div>{safe(line)}</div>" for line in lines)
    return View(html, "\n".join(visible(line) for line in lines))


def event_card(event: "RegistryEvent") -> View:
    """One change: who, what, when, why."""
    said = f"{event.number}. {event.who} {event}"
    facts = [
        ("registered model", shortened(event.name, _CELL)),
        ("when", moment(event.timestamp)),
        *([("why", shortened(event.why, _LINE))] if event.why else []),
    ]
    width = max(len(key) for key, _ in facts)
    text = [visible(said), *(f"  {key:<{width}}  {visible(value)}" for key, value in facts)]
    return View(f"<div>{safe(said)}</div>{html_pairs(facts)}", "\n".join(text))


def history_table(events: "Sequence[RegistryEvent]", *, width: int | None = None) -> View:
    """The changes of a registered model, a line each; of many the latest.

    Args:
        events: What to draw, in this order.
        width: Columns that the text may take: what does not fit goes on below; None is any number.
    """
    if not events:
        return View("<p>No changes.</p>", "No changes.")
    shown = events[-_SHOWN_ROWS:]
    columns = ["change", "when", "who", "what", "why"]
    rows = [
        [
            str(event.number),
            moment(event.timestamp),
            shortened(event.who, 24),
            shortened(str(event), _LINE),
            shortened(event.why or "", _CELL),
        ]
        for event in shown
    ]
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    notes = [f"the latest {len(shown)} of {len(events):,} changes"] if len(events) > len(shown) else []
    whole = _table(columns, rows, notes)
    if width is None or _width(whole) <= width:
        return whole
    below = [
        [number, when[:16], who, what + (f"\nwhy: {why}" if why else "")]
        for (number, when, who, what, *_), why in zip(rows, [each.why for each in shown], strict=True)
    ]
    return View(whole.html, "\n".join([folded_table(columns[:4], below, width, right=(0,)), *notes]))


def request_card(request: "PromotionRequest") -> View:
    """One request: what is asked for, by whom, and what became of it."""
    said = (
        f"Request {request.number} · version {request.version} of {shortened(request.name, _CELL)} "
        f"to {request.to} · {request.status.lower()}"
    )
    facts = [
        ("asked for by", f"{request.requested_by}, {moment(request.requested_at)}"),
        *([("why", shortened(request.why, _LINE))] if request.why else []),
        *([("only if better", request.if_better)] if request.if_better else []),
    ]
    if request.decided_by and request.decided_at is not None:
        facts.append(
            (f"{request.status.lower()} by", f"{request.decided_by}, {moment(request.decided_at)}"),
        )
    if request.comment:
        facts.append(("comment", shortened(request.comment, _LINE)))
    width = max(len(key) for key, _ in facts)
    text = [visible(said), *(f"  {key:<{width}}  {visible(value)}" for key, value in facts)]
    return View(f"<div><strong>{safe(said)}</strong></div>{html_pairs(facts)}", "\n".join(text))


def requests_table(requests: "Sequence[PromotionRequest]", *, width: int | None = None) -> View:
    """Requests, a line each.

    Args:
        requests: What to draw.
        width: Columns that the text may take: what does not fit goes on below; None is any number.
    """
    if not requests:
        return View("<p>No requests.</p>", "No requests.")
    columns = ["request", "registered model", "version", "to", "status", "asked by", "when", "why"]
    rows = [
        [
            str(request.number),
            shortened(request.name, _CELL),
            str(request.version),
            shortened(request.to, _CELL),
            request.status.lower(),
            shortened(request.requested_by, 24),
            moment(request.requested_at)[:16],
            shortened(request.why or "", _CELL),
        ]
        for request in requests[:_SHOWN_ROWS]
    ]
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    notes = [f"{len(rows)} of {len(requests):,} requests"] if len(requests) > len(rows) else []
    whole = _table(columns, rows, notes)
    if width is None or _width(whole) <= width:
        return whole
    below = [
        [
            *(number, who, when),
            "\n".join(
                [f"version {version} of {name} to {to}, {status}", *(f"why: {each}" for each in why if each)]
            ),
        ]
        for number, name, version, to, status, who, when, *why in rows
    ]
    folded = folded_table([columns[0], *columns[5:7], "what"], below, width, right=(0,))
    return View(whole.html, "\n".join([folded, *notes]))


def _width(table: View) -> int:
    return text_width(table.text.split("\n", 2)[1])


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> View:
    html = [html_table(columns, rows), *(f"<div>{safe(note)}</div>" for note in notes)]
    return View("".join(html), "\n".join([text_table(columns, rows, right=(0,)), *notes]))
