"""Planners' overrides of forecasts: create, list, preview, revoke. Overrides are never deleted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection, Engine

from api.answers import answer_from_ledger
from api.deps import CursorQuery, DateQuery, LimitQuery, NodeQuery, Question, RuntimeDep
from api.errors import ApiError, one_field
from api.override_rows import BULK_BODY, overrides_in
from api.queries.overrides import override_detail, override_page
from api.routes.responses import POSTED, READ, openapi_responses
from api.schemas.overrides import (
    MadeInBulk,
    MadeOverride,
    MadeOverrides,
    Override,
    OverridePage,
    OverridePreview,
    OverrideRequest,
    PreviewDay,
    RevokeRequest,
)
from api.schemas.problems import FieldProblem
from api.writing import IdempotencyKey, author_of, key_of, written
from models_ml.prediction_store import overrides as ledger
from models_ml.prediction_store.override_effects import overlapping

router = APIRouter(tags=["overrides"])

MADE = {**POSTED, **openapi_responses("invalid-request", "key-reused")}
IdPath = Annotated[int, Path(ge=1, le=2_147_483_647, description="Override.", examples=[1])]


class OverridesQuestion(Question):
    """Filters."""

    node_id: NodeQuery | None = None
    status: Annotated[Literal["in_force", "revoked"], Field(description="Whether they are revoked.")] | None = None
    valid_on: Annotated[DateQuery, Field(description="A day that they affect.", examples=["2016-05-23"])] | None = None
    limit: LimitQuery = 50
    cursor: CursorQuery | None = None


@router.get(
    "/overrides",
    operation_id="listOverrides",
    summary="List overrides",
    response_model=OverridePage,
    responses={**READ, **openapi_responses("unusable-cursor")},
)
async def listing(request: Request, runtime: RuntimeDep, question: Annotated[OverridesQuestion, Query()]) -> Response:
    """Overrides, newest first: in force and revoked, who made them and why."""
    return await answer_from_ledger(
        request, runtime, lambda connection, _active: override_page(connection, **dict(question))
    )


@router.post(
    "/overrides",
    operation_id="postOverride",
    summary="Override a forecast",
    response_model=MadeOverride,
    status_code=201,
    responses=MADE,
)
async def make(
    request: Request, runtime: RuntimeDep, body: OverrideRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """Override the forecast of a node. The next request for any forecast below or above it includes the change.

    Overrides are applied to series in order of creation, each to the result of the previous ones, so all twelve levels
    add up. The model's forecast is unchanged: it is `mean`, beside `final`. A repeated request with the same
    `Idempotency-Key` returns the existing override.
    """
    new = _asked_for(body, author_of(request, body.author))
    key = key_of(request, idempotency_key)
    made = await runtime.writer.run(lambda engine: _refusals_told(lambda: ledger.make(engine, new, key)))

    def read(connection: Connection) -> MadeOverride:
        overlaps = overlapping(connection, [new.adjustment(made)])[0]
        warning = f"It overlaps {len(overlaps)} others; their effects compound." if overlaps else None
        return MadeOverride(**dict(override_detail(connection, made)), overlaps=overlaps, warning=warning)

    return written(await runtime.reader.run(read), 201, f"/overrides/{made}")


@router.post(
    "/override-bulk",
    operation_id="postOverrides",
    summary="Override many forecasts",
    response_model=MadeOverrides,
    status_code=201,
    responses=MADE,
    openapi_extra=BULK_BODY,
)
async def make_many(request: Request, runtime: RuntimeDep, idempotency_key: IdempotencyKey = None) -> Response:
    """Create up to 10,000 overrides in one transaction, from JSON or CSV.

    They are applied in the order of the request. A CSV has a header line with the field names; `author` is optional.
    Errors are reported by row.
    """
    rows = overrides_in(request.headers.get("content-type", ""), await request.body())
    asked = [_asked_for(row, author_of(request, row.author)) for row in rows]
    key = key_of(request, idempotency_key)
    made = await runtime.writer.run(lambda engine: _refusals_told(lambda: ledger.make_all(engine, asked, key)))

    def read(connection: Connection) -> MadeOverrides:
        adjustments = [new.adjustment(number) for new, number in zip(asked, made, strict=True)]
        overlaps = overlapping(connection, adjustments)
        count = sum(map(bool, overlaps))
        return MadeOverrides(
            overrides=[MadeInBulk(override_id=one, overlaps=of) for one, of in zip(made, overlaps, strict=True)],
            warning=f"{count} of them overlap others; their effects compound." if count else None,
        )

    return written(await runtime.reader.run(read), 201, "/overrides")


@router.post(
    "/override-preview",
    operation_id="postOverridePreview",
    summary="Preview of an override",
    response_model=OverridePreview,
    responses=POSTED,
)
async def preview(runtime: RuntimeDep, body: OverrideRequest) -> Response:
    """Effect of an override on its node by day; nothing is stored."""
    new = _asked_for(body, body.author or "preview")

    shown = await runtime.reader.run(lambda connection: _refusals_told(lambda: ledger.preview(connection, new)))
    days = zip(shown.days, shown.model, shown.final, shown.changed, strict=True)
    answer = OverridePreview(
        node_id=new.node_id,
        series=shown.series,
        overlaps=list(shown.overlaps),
        days=[PreviewDay(date=day, mean=mean, final=final, changed=changed) for day, mean, final, changed in days],
    )
    return written(answer)


@router.get(
    "/overrides/{override_id}",
    operation_id="getOverride",
    summary="One override",
    response_model=Override,
    responses={**READ, **openapi_responses("unknown-override")},
)
async def one(request: Request, runtime: RuntimeDep, override_id: IdPath) -> Response:
    """One override, with its status and measured effect."""
    return await answer_from_ledger(
        request, runtime, lambda connection, _active: override_detail(connection, override_id)
    )


@router.post(
    "/overrides/{override_id}/revoke",
    operation_id="postRevocation",
    summary="Revoke an override",
    response_model=Override,
    responses={**POSTED, **openapi_responses("unknown-override", "already-revoked")},
)
async def revoke(request: Request, runtime: RuntimeDep, override_id: IdPath, body: RevokeRequest) -> Response:
    """Revoke an override. It no longer changes forecasts, but stays listed with who revoked it and why."""
    author = author_of(request, body.author)

    def work(engine: Engine) -> None:
        _refusals_told(lambda: ledger.revoke(engine, override_id, author=author, reason=body.reason))

    await runtime.writer.run(work)
    return await _one(runtime, override_id)


def _asked_for(body: OverrideRequest, author: str) -> ledger.NewOverride:
    return ledger.NewOverride(**{**body.model_dump(), "author": author})


def _refusals_told(work: Any) -> Any:
    """Maps errors of the store's overrides to problems."""
    try:
        return work()
    except ledger.OverrideError as error:
        raise one_field("invalid-request", error.field, error.message.rstrip(".")) from None
    except ledger.OverridesError as error:
        problems = [
            FieldProblem(field=f"overrides.{row}.{one.field}", message=one.message) for row, one in error.errors
        ]
        detail = f"No override was made: {len(problems)} are invalid. {problems[0].field}: {problems[0].message}"
        raise ApiError("invalid-request", detail, errors=problems[:50]) from None
    except ledger.ReusedKeyError as error:
        raise one_field("key-reused", "Idempotency-Key", str(error).rstrip(".")) from None
    except ledger.UnknownOverrideError as error:
        raise ApiError("unknown-override", f"{error} All of them: /overrides.") from None
    except ledger.AlreadyRevokedError as error:
        raise ApiError("already-revoked", str(error)) from None


async def _one(runtime: RuntimeDep, override_id: int) -> Response:
    return written(await runtime.reader.run(lambda connection: override_detail(connection, override_id)))
