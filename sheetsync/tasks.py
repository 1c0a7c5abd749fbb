"""Hands runs to the workers. A task carries a run id only: the ActionRun row is the truth."""

from __future__ import annotations

from django_q.tasks import async_task

from sheetsync.models import ActionRun
from sheetsync.runs import carry_out


def enqueue(run: ActionRun) -> None:
    """Queues a run; on the same database as the run itself, so that both stand or neither."""
    async_task("sheetsync.tasks.work_on", run.run_id, task_name=run.run_id)


def work_on(run_id: str) -> str:
    """What a worker does with a task. Delivered twice, the second finds the run taken."""
    run = ActionRun.objects.filter(run_id=run_id).first()
    if run is None:
        return f"run {run_id} is gone"
    context = carry_out(run)
    return f"run {run_id}: {run.status}" if context else f"run {run_id} was taken already"
