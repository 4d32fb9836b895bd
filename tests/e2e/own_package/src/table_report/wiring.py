"""Builds the handler from the worker's services and registers it."""

from __future__ import annotations

from secretary_worker import AnswerLimits, HandlerContext, ProcessLimits, Sandbox, register
from table_report.handler import TableReportHandler, TableReportSettings
from table_report.parameters import TableReportParameters
from table_report.template import list_templates

JOB_TYPE = "table_report"


def setup(context: HandlerContext) -> None:
    """Register ``table_report``. The entry point ``secretary.handlers`` names this function."""
    sandbox = Sandbox(
        context.zygote("table_report.child", {JOB_TYPE}),
        ProcessLimits(memory_bytes=512 * 2**20, cpu_sec=20),
        AnswerLimits(timeout_sec=30),
        codes=["TABLE_INVALID", "TABLE_TOO_LONG"],
    )
    handler = TableReportHandler(
        context,
        context.section(JOB_TYPE, TableReportSettings),
        context.cache("tables"),
        sandbox,
    )
    context.announce_templates(list_templates)
    register(JOB_TYPE, handler, params=TableReportParameters)
