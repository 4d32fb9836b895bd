"""Templates: what jobs may name as one."""

from __future__ import annotations

from fastapi import APIRouter

from secretary_api.dependencies import PrincipalDep, ServicesDep
from secretary_api.routes.answers import GUARDED
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.template import Templates, TemplateView

router = APIRouter(prefix="/api", tags=["templates"], responses=GUARDED)


@router.get("/templates")
async def list_templates(_caller: PrincipalDep, behind: ServicesDep) -> Success[Templates]:
    """List the templates workers have announced, by name: those shipped and those of their own."""
    infos = await behind.templates.all()
    return Success(data=Templates(templates=[TemplateView.model_validate(one) for one in infos]))
