"""Backtest accuracy."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.active import Active
from api.answers import answer_from_ledger, require_published
from api.deps import DateQuery, Question, RunQuery, RuntimeDep, StoreQuery
from api.queries.accuracy import accuracy as accuracy_of
from api.queries.accuracy import lead_errors, node_errors
from api.routes.responses import READ, openapi_responses
from api.schemas.accuracy import Accuracy, LeadErrors, NodeErrors

router = APIRouter(tags=["model"])

Metric = Literal[
    "wrmsse",
    "wape",
    "bias",
    "rmsse",
    "mase",
    "wspl",
    "coverage_95",
    "coverage_95_week",
    "coverage_95_horizon",
    "seconds",
]


FoldQuery = Annotated[DateQuery, Field(description="Origin of the fold.", examples=["2016-04-24"])]
RESPONSES = {**READ, **openapi_responses("unknown-run", "unknown-store", "nothing-published")}
OF_FOLDS = RESPONSES | openapi_responses("unknown-run", "unknown-store", "unknown-fold", "nothing-published")


class AccuracyQuestion(Question):
    """Which figures; without run_id, of the served run."""

    run_id: RunQuery | None = None
    store_id: StoreQuery | None = None
    metric: Annotated[Metric, Field(description="One metric; default: all.")] | None = None
    level: Annotated[int, Field(ge=0, le=12, description="One level; 0 is their average.", examples=[0])] | None = None
    fold: FoldQuery | None = None


@router.get(
    "/accuracy",
    operation_id="getAccuracy",
    summary="Backtest figures of a run",
    response_model=Accuracy,
    responses=RESPONSES,
)
async def accuracy(request: Request, runtime: RuntimeDep, question: Annotated[AccuracyQuestion, Query()]) -> Response:
    """Backtest of a run by fold, level and model: the run's model and the baselines."""

    def build(connection: Connection, active: Active) -> Accuracy:
        if question.run_id is None:
            require_published(active)
        return accuracy_of(
            connection,
            active,
            run_id=question.run_id,
            store_id=question.store_id,
            metric=question.metric,
            level=question.level,
            fold=question.fold,
        )

    return await answer_from_ledger(request, runtime, build)


class NodeErrorsQuestion(Question):
    """Which nodes, on which folds; without run_id, of the served run."""

    run_id: RunQuery | None = None
    store_id: StoreQuery | None = None
    level: Annotated[int, Field(ge=1, le=9, description="Level of the nodes.", examples=[5])] = 5
    fold: FoldQuery | None = None


@router.get(
    "/accuracy/nodes",
    operation_id="listNodeErrors",
    summary="Backtest errors by node",
    response_model=NodeErrors,
    responses=OF_FOLDS,
)
async def nodes(request: Request, runtime: RuntimeDep, question: Annotated[NodeErrorsQuestion, Query()]) -> Response:
    """Backtest errors of the nodes of one level, worst first, over all folds unless one is named.

    `store_id` restricts the nodes to one store. For the worst items, use `/forecast/items?sort=error`.
    """

    def build(connection: Connection, active: Active) -> NodeErrors:
        if question.run_id is None:
            require_published(active)
        return node_errors(connection, active, **dict(question))

    return await answer_from_ledger(request, runtime, build)


class LeadErrorsQuestion(Question):
    """Which level, on which folds; without run_id, of the served run."""

    run_id: RunQuery | None = None
    store_id: StoreQuery | None = None
    level: Annotated[int, Field(ge=1, le=12, description="Level of the nodes.", examples=[5])] = 5
    fold: FoldQuery | None = None


@router.get(
    "/accuracy/leads",
    operation_id="listLeadErrors",
    summary="Backtest errors by lead day",
    response_model=LeadErrors,
    responses=OF_FOLDS,
)
async def leads(request: Request, runtime: RuntimeDep, question: Annotated[LeadErrorsQuestion, Query()]) -> Response:
    """Backtest errors of each model by lead day, at one level."""

    def build(connection: Connection, active: Active) -> LeadErrors:
        if question.run_id is None:
            require_published(active)
        return lead_errors(connection, active, **dict(question))

    return await answer_from_ledger(request, runtime, build)
