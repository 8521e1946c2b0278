"""The rules of approval of a registered model: which of its stages and aliases are guarded, and by whom.

Nobody comes to a guarded place without approval, and only those who may approve take what is there away.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbtrack.core.errors import ApprovalError
from nbtrack.core.registry_events import approval_words
from nbtrack.core.users import current_user

Rule = Mapping[str, Any]
"""`approvers`: user names, none for everybody; `four_eyes`: whether nobody approves what they asked for."""


def rules_of(model: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rules of a registered model, by stage and `@alias`."""
    # Registered models made before there were rules have none.
    held: Mapping[str, Rule] = model.get("approvals") or {}
    return {to: dict(rule) for to, rule in held.items()}


def check_approver(rule: Rule, what: str) -> None:
    """Refuse what is up to the approvers of a rule.

    Raises:
        ApprovalError: This user is none of them.
    """
    approvers: Sequence[str] = rule.get("approvers") or ()
    if approvers and current_user() not in approvers:
        raise ApprovalError(f"{current_user()} may not {what}: that is up to {', '.join(approvers)}.")


def check_approved(model: Mapping[str, Any], to: str, grounds: Mapping[str, Any]) -> None:
    """Refuse a move to a guarded place, unless it was approved or gives it back.

    Args:
        model: The document of the registered model.
        to: The stage, or the alias behind an `@`.
        grounds: What the event of the move tells besides.

    Raises:
        ApprovalError: There is neither the `request` that was approved nor a `rollback` among the grounds.
    """
    rule = rules_of(model).get(to)
    if rule is not None and not ("request" in grounds or "rollback" in grounds):
        raise ApprovalError(
            f"{to} of registered model {model['name']!r} demands approval{approval_words(rule)}. "
            f"Ask for it with nbtrack.promote({model['name']!r}, version, to={to!r})."
        )


def check_leaving(model: Mapping[str, Any], places: Iterable[str] | None, what: str) -> None:
    """Refuse to take away what has guarded places, to those who could not give them.

    Args:
        model: The document of the registered model.
        places: The stage and aliases that would be left, as destinations are written; None is all.
        what: What would be done, to stand behind `may not`.

    Raises:
        ApprovalError: This user is no approver of one of them.
    """
    rules = rules_of(model)
    for place in rules if places is None else places:
        if place in rules:
            check_approver(rules[place], f"{what} ({place} demands approval)")
