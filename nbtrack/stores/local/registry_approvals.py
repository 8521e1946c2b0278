"""Approval: which stages and aliases of a registered model demand it, and the requests that wait for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbtrack.core.errors import ApprovalError, InvalidStateError, NotFoundError
from nbtrack.core.names import check_number, check_version
from nbtrack.core.promotions import (
    Destination,
    PromotionRequest,
    PromotionRequestList,
    RequestStatus,
)
from nbtrack.core.users import current_user
from nbtrack.documents.queries import Query
from nbtrack.documents.tables import Order
from nbtrack.stores.local.registry_documents import RegistryDocuments, this_moment
from nbtrack.stores.local.registry_rules import check_approver, rules_of

_OLDEST_FIRST = Order(("requested_at",))


class RegistryApprovals(RegistryDocuments):
    """Keeps the rules of approval and the requests."""

    def demand_approval(
        self, name: str, to: Destination, rule: Mapping[str, Any] | None, *, why: str | None = None
    ) -> None:
        """Let every move to a stage or alias wait for approval.

        Args:
            name: The registered model.
            to: The stage or alias.
            rule: `approvers`: user names, or an empty list for everybody; `four_eyes`: whether nobody
                approves what they asked for. None demands no approval any more.
            why: A comment for the event.

        Raises:
            NotFoundError: There is no such registered model.
            ApprovalError: Only the present approvers may change the rule.
        """
        with self._database.transaction():
            model = self._model(name)
            rules = rules_of(model)
            before = rules.get(str(to))
            if before == rule:
                return
            if before is not None:
                check_approver(before, f"change who approves {to} of {name!r}")
            if rule is None:
                del rules[str(to)]
            else:
                rules[str(to)] = dict(rule)
            model["approvals"] = rules
            self._write_model(model)
            self._tell("registered_model.approval_demanded", model, why, to=str(to), rule=rule, before=before)

    def approvals(self, name: str) -> dict[str, dict[str, Any]]:
        """The rules of approval of a registered model, by stage and `@alias`."""
        return rules_of(self._model(name))

    def ask(
        self,
        name: str,
        version: Any,
        to: Destination,
        *,
        if_better: str | None = None,
        higher_is_better: bool | None = None,
        archive_existing_versions: bool = True,
        why: str | None = None,
    ) -> PromotionRequest:
        """Ask to move a version; what is asked for already is the request there is.

        Raises:
            NotFoundError: There is no such registered model or version.
            InvalidStateError: It is asked for already, under other conditions.
        """
        number = check_version(version)
        with self._database.transaction():
            model = self._model(name)
            self._version(model, number)
            same: list[Any] = self._requests.search(
                (Query().registered_model_id == model["registered_model_id"])
                & (Query().version == number)
                & (Query().to == str(to))
                & (Query().status == RequestStatus.PENDING)
            )
            if same:
                known = _as_request(same[0], model["name"])
                asked = (if_better, higher_is_better, archive_existing_versions)
                if asked != (known.if_better, known.higher_is_better, known.archive_existing_versions):
                    raise InvalidStateError(
                        f"Request {known.number} asks for that under other conditions: approve or reject it "
                        "first."
                    )
                return known
            document: dict[str, Any] = {
                "registered_model_id": model["registered_model_id"],
                "version": number,
                "to": str(to),
                "status": RequestStatus.PENDING,
                "requested_by": current_user(),
                "requested_at": this_moment(),
                "why": why,
                "if_better": if_better,
                "higher_is_better": higher_is_better,
                "archive_existing_versions": archive_existing_versions,
            }
            doc_id = self._requests.insert(document)
            self._tell("promotion.requested", model, why, version=number, to=str(to), request=doc_id)
            return _as_request(self._requests.get(doc_id=doc_id), model["name"])

    def request_to_decide(self, name: str, request: int | None = None) -> PromotionRequest:
        """The request that is meant: that of a number, or the only one that is pending.

        Raises:
            NotFoundError: There is no such registered model or request.
            InvalidStateError: It is decided already; or several are pending, and none was named.
        """
        model = self._model(name)
        pending = self.requests(name, pending=True)
        if request is None:
            if not pending:
                raise InvalidStateError(f"No request of {name!r} is pending: nbtrack.request makes one.")
            if len(pending) > 1:
                which = ", ".join(f"{each.number} (version {each.version} to {each.to})" for each in pending)
                raise InvalidStateError(
                    f"{len(pending)} requests of {name!r} are pending: {which}. Say which number."
                )
            return pending[0]
        number = check_number("request", request)
        document: Any = self._requests.get(doc_id=number)
        if document is None or document["registered_model_id"] != model["registered_model_id"]:
            known = ", ".join(str(each.number) for each in pending)
            raise NotFoundError(
                "request",
                str(request),
                holder=f"Registered model {name!r}",
                advice=f"Pending are {known}." if known else "None is pending.",
            )
        found = _as_request(document, name)
        if found.status != RequestStatus.PENDING:
            raise InvalidStateError(
                f"Request {number} of {name!r} was {found.status.lower()} by {found.decided_by} already."
            )
        return found

    def decide(self, request: PromotionRequest, status: str, *, why: str | None = None) -> PromotionRequest:
        """Approve, reject or withdraw a request; the move is another change in the same transaction.

        Raises:
            ApprovalError: This user may not.
            InvalidStateError: It was decided meanwhile.
        """
        with self._database.transaction():
            request = self.request_to_decide(request.name, request.number)
            model = self._model(request.name)
            rule = rules_of(model).get(request.to)
            is_own = request.requested_by == current_user()
            if status == RequestStatus.REJECTED and rule is not None and not is_own:
                check_approver(rule, f"reject request {request.number} of {request.name!r}")
            if status == RequestStatus.APPROVED and rule is not None:
                what = f"approve request {request.number} of {request.name!r}"
                check_approver(rule, what)
                if rule.get("four_eyes") and is_own:
                    raise ApprovalError(
                        f"{current_user()} asked for request {request.number} of {request.name!r}, and "
                        f"{request.to} demands that somebody else approves."
                    )
            decided = {
                "status": status,
                "decided_by": current_user(),
                "decided_at": this_moment(),
                "comment": why,
            }
            self._requests.update(decided, doc_ids=[request.number])
            self._tell(
                f"promotion.{status.lower()}",
                model,
                why,
                version=request.version,
                to=request.to,
                request=request.number,
            )
            return _as_request(self._requests.get(doc_id=request.number), request.name)

    def requests(self, name: str | None = None, *, pending: bool = True) -> PromotionRequestList:
        """The requests of a registered model, or of all of them, the oldest first.

        Args:
            name: The registered model; None is all.
            pending: Whether only those that wait.

        Raises:
            NotFoundError: There is no such registered model.
        """
        condition: Any = None
        if name is not None:
            names = {self._model(name)["registered_model_id"]: name}
            condition = Query().registered_model_id == next(iter(names))
        else:
            names = dict(self._models.select_values([("registered_model_id",), ("name",)]))
        if pending:
            waiting = Query().status == RequestStatus.PENDING
            condition = waiting if condition is None else condition & waiting
        found: Sequence[Any] = self._requests.select(condition, order_by=[_OLDEST_FIRST])
        return PromotionRequestList(
            _as_request(document, names[document["registered_model_id"]])
            for document in found
            if document["registered_model_id"] in names  # of deleted ones nothing is asked
        )


def _as_request(document: Any, name: str) -> PromotionRequest:
    return PromotionRequest(
        number=document.doc_id,
        name=name,
        version=document["version"],
        to=document["to"],
        status=document["status"],
        requested_by=document["requested_by"],
        requested_at=document["requested_at"],
        why=document.get("why"),
        decided_by=document.get("decided_by"),
        decided_at=document.get("decided_at"),
        comment=document.get("comment"),
        if_better=document.get("if_better"),
        higher_is_better=document.get("higher_is_better"),
        archive_existing_versions=document.get("archive_existing_versions", True),
    )
