"""Served stores and departments."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.answers import answer_from_active
from api.deps import RuntimeDep
from api.queries import places
from api.routes.responses import READ
from api.schemas.places import DepartmentList, StoreList

router = APIRouter(tags=["places"])


@router.get("/stores", operation_id="listStores", summary="Served stores", response_model=StoreList, responses=READ)
async def stores(request: Request, runtime: RuntimeDep) -> Response:
    """Served stores, each with its departments and run."""
    return await answer_from_active(request, runtime, places.stores)


@router.get(
    "/departments",
    operation_id="listDepartments",
    summary="Departments of the served stores",
    response_model=DepartmentList,
    responses=READ,
)
async def departments(request: Request, runtime: RuntimeDep) -> Response:
    """Departments of the served stores."""
    return await answer_from_active(request, runtime, lambda connection, _active: places.departments(connection))
