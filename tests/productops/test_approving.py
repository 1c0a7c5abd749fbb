"""Approving in the admin: a queue with what changed, decisions that hold for what was seen, and words for the sheet's row."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backlog.models import Initiative
from productops.approvals.decisions import SUBJECTS, rejections
from productops.approvals.reviews import seal
from productops.models import InitiativeContribution, InitiativeMathModel, InitiativeParam, Review
from sheetsync.access.people import AuditEntry, PersonScope
from sheetsync.models import ActionRun, RecordChange, Workbook
from sheetsync.runs.actions import carry_out, request
from tests.admin_pages import (
    NOW,
    admin_client,
    change_url,
    edit,
    errors,
    fill,
    initiative,
    math_model,
    north_star,
    param,
)

pytestmark = pytest.mark.django_db

QUEUE = "/admin/approvals/"
MODEL, PARAM = SUBJECTS["model"], SUBJECTS["param"]


def member(*roles: str, name: str = "vera", departments: tuple[str, ...] = ()) -> Client:
    user = User.objects.create_user(name, password="-", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=roles))
    if departments:
        PersonScope.objects.create(user=user, departments=list(departments))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def vera() -> Client:
    return member("Approver")


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def queue(client: Client, **query: str) -> str:
    return words(client.get(QUEUE, query).content.decode())


def chosen(*records: Any) -> list[str]:
    subject = MODEL if isinstance(records[0], InitiativeMathModel) else PARAM
    return [f"{record.pk}:{seal(record, subject)}" for record in records]


def post(client: Client, *records: Any, **data: Any) -> str:
    kind = "model" if isinstance(records[0], InitiativeMathModel) else "param"
    given = {"kind": kind, "chosen": chosen(*records), **data}
    return words(client.post(QUEUE, given, follow=True).content.decode())


def fresh[Stored: (InitiativeMathModel, InitiativeParam)](record: Stored) -> Stored:
    return type(record).objects.get(pk=record.pk)


# ---- the queue -------------------------------------------------------------------------------------------------------------------------


def test_the_queue_holds_what_nobody_decided_on(vera: Client) -> None:
    owner = initiative()
    math_model(owner, model_name="waits")
    math_model(owner, model_name="done", approved_by_user=True)
    math_model(owner, model_name="empty", formula_text="")
    said = queue(vera)
    assert "waits" in said
    assert "done" not in said
    assert "empty" not in said
    assert "Math models (1)" in said


def test_a_parameter_without_a_value_is_nothing_to_approve(vera: Client) -> None:
    owner = initiative()
    param(owner, param_name="known")
    param(owner, param_name="unknown", value=None)
    said = queue(vera, kind="param")
    assert "known Never approved" in said
    assert "unknown" not in said


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "INIT-000002"}, ["two"]),
        ({"q": "one"}, ["one"]),
        ({"department": "Ops"}, ["two"]),
        ({"q": "nothing"}, []),
    ],
)
def test_the_queue_is_narrowed_by_key_name_and_department(
    vera: Client, query: dict[str, str], found: list[str]
) -> None:
    for number, name in ((1, "one"), (2, "two")):
        math_model(initiative(number), model_name=name)
    Initiative.objects.filter(initiative_key="INIT-000002").update(department="Ops")
    rows = re.findall(r'aria-label="Choose INIT-\d+ (\w+)"', vera.get(QUEUE, query).content.decode())
    assert rows == found


def test_what_changed_since_the_last_approval_is_shown(vera: Client) -> None:
    owner = initiative()
    model = math_model(owner, approved_by_user=True, formula_text="a = 1\nvalue = a * 2")
    assumption = param(owner, approved=True)
    for record, change in ((model, {"formula_text": "a = 1\nvalue = a * 3"}), (assumption, {"value": 0.07})):
        tick = "approved_by_user" if record is model else "approved"
        type(record).objects.filter(pk=record.pk).update(**change, **{tick: False})
    html = vera.get(QUEUE).content.decode()
    assert "<del>value = a * 2</del><ins>value = a * 3</ins>" in html
    assert "<span>a = 1</span>" in html
    assert "0.05 → 0.07" in queue(vera, kind="param")


def test_the_queue_asks_the_database_as_often_for_thirty_rows_as_for_five(vera: Client) -> None:
    fill(1, 5)
    vera.get(QUEUE)
    with CaptureQueriesContext(connection) as few:
        vera.get(QUEUE)
    fill(6, 25)
    with CaptureQueriesContext(connection) as many:
        vera.get(QUEUE)
    assert len(many) == len(few)


def test_who_may_not_approve_sees_the_queue_without_buttons() -> None:
    model = math_model(initiative())
    analyst = member("Analyst")
    html = analyst.get(QUEUE).content.decode()
    assert "uplift" in html
    assert "approve_one" not in html
    assert analyst.post(QUEUE, {"kind": "model", "chosen": chosen(model), "approve": "yes"}).status_code == 403
    assert not fresh(model).approved_by_user


def test_a_limited_person_sees_and_decides_within_their_departments() -> None:
    ours, theirs = math_model(initiative(1)), math_model(initiative(2))
    Initiative.objects.filter(pk=theirs.initiative_id).update(department="Ops")
    limited = member("Approver", departments=("Sales",))
    assert "INIT-000002" not in queue(limited)
    said = post(limited, ours, theirs, approve="yes")
    assert (fresh(ours).approved_by_user, fresh(theirs).approved_by_user) == (True, False)
    assert "1 of them aren't there any more, or aren't yours to decide on" in said


# ---- approving -------------------------------------------------------------------------------------------------------------------------


def test_several_are_approved_as_one_run(vera: Client) -> None:
    owner = initiative()
    first, second = math_model(owner, model_name="a"), math_model(owner, model_name="b")
    assert "Approved: 2." in post(vera, first, second, approve="yes", comment="checked with finance")
    assert fresh(first).approved_by_user
    assert fresh(second).approved_by_user
    run = ActionRun.objects.get(action="admin.approve")
    assert (run.requested_by, run.payload["reason"]) == ("vera", "checked with finance")
    changes = [change.fields["approved_by_user"] for change in RecordChange.objects.filter(run=run)]
    assert changes == [[False, True], [False, True]]
    assert AuditEntry.objects.get(event="approved").run_id == run.run_id


def test_one_is_approved_by_its_own_button(vera: Client) -> None:
    owner = initiative()
    first, second = param(owner, param_name="a"), param(owner, param_name="b")
    vera.post(QUEUE, {"kind": "param", "approve_one": chosen(first)[0], "chosen": chosen(second)})
    assert (fresh(first).approved, fresh(second).approved) == (True, False)


def test_what_was_changed_since_the_page_was_opened_is_not_approved(vera: Client) -> None:
    owner = initiative()
    same, other = math_model(owner, model_name="a"), math_model(owner, model_name="b")
    InitiativeMathModel.objects.filter(pk=other.pk).update(formula_text="value = uplift * 99")
    said = post(vera, same, other, approve="yes")
    assert (fresh(same).approved_by_user, fresh(other).approved_by_user) == (True, False)
    assert "INIT-000001 / b: it was changed since you opened the page; look at it again" in said


def test_nobody_approves_what_they_entered_in_the_admin(settings: Any) -> None:
    model = math_model(initiative(), approved_by_user=True)
    both = member("Analyst", "Approver", name="ada")
    edit(both, model, formula_text="value = uplift * 20")
    assert "You entered it: somebody else approves it." in queue(both)
    said = post(both, fresh(model), approve="yes")
    assert "you entered this yourself; somebody else approves it" in said
    assert not fresh(model).approved_by_user
    post(member("Approver"), fresh(model), approve="yes")
    assert fresh(model).approved_by_user


def test_an_operator_may_allow_approving_ones_own(settings: Any) -> None:
    settings.APPROVE_OWN_ENTRIES = True
    model = math_model(initiative())
    both = member("Analyst", "Approver", name="ada")
    edit(both, model, formula_text="value = uplift * 20")
    post(both, fresh(model), approve="yes")
    assert fresh(model).approved_by_user


def test_a_tick_in_the_form_needs_the_right_and_other_hands() -> None:
    model = math_model(initiative())
    said = errors(edit(member("Analyst", name="bo"), model, approved_by_user="on"))
    assert said == {
        "approved_by_user": ["approved_by_user: approving needs the role Approver; leave it to one of them"]
    }
    both = member("Analyst", "Approver", name="ada")
    said = errors(edit(both, model, formula_text="value = 3 * uplift", approved_by_user="on"))
    assert said == {"approved_by_user": ["approved_by_user: you entered this yourself; somebody else approves it"]}
    assert edit(both, model, approved_by_user="on").status_code == 302
    assert fresh(model).approved_by_user


def test_an_approval_is_withdrawn_by_a_change_and_stands_in_the_queue_again(vera: Client) -> None:
    model = math_model(initiative())
    post(vera, model, approve="yes")
    assert "uplift" not in queue(vera)
    response = edit(admin_client(), fresh(model), formula_text="value = uplift * 20")
    assert response.status_code == 302
    assert not fresh(model).approved_by_user
    assert "uplift * 10" in queue(vera)
    assert "uplift * 20" in queue(vera)


# ---- rejecting -------------------------------------------------------------------------------------------------------------------------


def test_a_rejection_needs_a_comment(vera: Client) -> None:
    model = math_model(initiative())
    assert "Say why in the comment" in post(vera, model, reject="yes")
    assert not Review.objects.exists()


def test_a_rejection_takes_it_out_of_the_queue_until_it_changes(vera: Client) -> None:
    model = math_model(initiative())
    assert "Rejected: 1." in post(vera, model, reject="yes", comment="the uplift is last year's")
    assert "INIT-000001" not in queue(vera)
    assert "vera didn't approve it on" in queue(vera, state="rejected")
    InitiativeMathModel.objects.filter(pk=model.pk).update(formula_text="value = uplift * 20")
    assert "INIT-000001" in queue(vera)
    assert rejections(MODEL) == {}


def test_rejecting_what_was_approved_withdraws_the_approval(vera: Client) -> None:
    assumption = param(initiative(), approved=True)
    post(vera, assumption, reject="yes", comment="too high")
    assert not fresh(assumption).approved
    assert ActionRun.objects.get(action="admin.reject").payload["reason"] == "too high"


def test_the_comment_reaches_the_sheets_row_and_goes_with_the_next_approval(vera: Client, tmp_path: Path) -> None:
    path = tmp_path / "ops.xlsx"
    call_command("init_workbook", "productops", str(path), verbosity=0)
    book = Workbook.objects.create(role="productops", location=str(path), title="Ops")
    assumption = param(initiative())
    carry_out(request("pm.populate_initiatives", workbook=book))
    _add_param_row(path)
    carry_out(request("pm.score_selected", workbook=book))
    assert "vera" not in _param_status(path)
    post(vera, fresh(assumption), reject="yes", comment="ask finance first")
    carry_out(request("pm.score_selected", workbook=book))
    assert re.match(r"WARNING: vera didn't approve it on \d{4}-\d\d-\d\d: ask finance first", _param_status(path))
    post(member("Approver", name="max"), fresh(assumption), approve="yes")
    carry_out(request("pm.score_selected", workbook=book))
    assert "vera" not in _param_status(path)


def _sheet(path: Path) -> Any:
    import openpyxl

    book = openpyxl.load_workbook(path)
    sheet = book["Params"]
    header = next(
        row for row in sheet.iter_rows(max_row=10) if any(cell.value in ("param_name", "Param name") for cell in row)
    )
    places = {str(cell.value).lower().replace(" ", "_"): cell.column for cell in header if cell.value}
    return book, sheet, header[0].row, places


def _add_param_row(path: Path) -> None:
    book, sheet, row, places = _sheet(path)
    values = {
        "initiative_key": "INIT-000001",
        "framework": "MATH_MODEL",
        "param_name": "uplift",
        "value": 0.05,
        "min": 0.01,
        "max": 0.1,
        "unit": "fraction",
    }
    for name, value in values.items():
        sheet.cell(row + 1, places[name], value)
    book.save(path)


def _param_status(path: Path) -> str:
    _book, sheet, row, places = _sheet(path)
    return str(sheet.cell(row + 1, places["run_status"]).value)


# ---- forged requests and the panel -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "x", "1", "1:wrong", "-1:x", "99999999999999999999:x", "9:" + "x" * 5000])
def test_a_forged_choice_decides_nothing(vera: Client, value: str) -> None:
    model = math_model(initiative())
    response = vera.post(QUEUE, {"kind": "model", "chosen": [value], "approve": "yes"}, follow=True)
    assert response.status_code == 200
    assert not fresh(model).approved_by_user


def test_an_unknown_kind_is_not_found_and_a_foreign_way_back_is_not_taken(vera: Client) -> None:
    assert vera.post(QUEUE, {"kind": "people"}).status_code == 404
    response = vera.post(QUEUE, {"kind": "model", "back": "https://elsewhere.example/"})
    assert response["Location"] == reverse("admin:approvals")


def test_a_records_page_says_whether_it_is_approved_and_has_the_buttons(vera: Client) -> None:
    model = math_model(initiative())
    html = words(vera.get(change_url(model)).content.decode())
    assert "Not approved yet." in html
    post(vera, model, approve="yes")
    html = words(vera.get(change_url(model)).content.decode())
    assert "Last decision: approved by vera" in html
    assert "Withdraw the approval" in html


def test_the_dashboard_counts_what_waits_for_an_approver(vera: Client) -> None:
    owner = initiative()
    math_model(owner)
    param(owner)
    html = words(vera.get(reverse("admin:index")).content.decode())
    assert "1 math model to approve" in html
    assert "1 parameter to approve" in html
    assert "to approve" not in words(member("Viewer", name="kim").get(reverse("admin:index")).content.decode())


def test_the_dashboard_counts_adoptions_whose_inputs_changed_since(vera: Client) -> None:
    north_star()
    owner = initiative(kpi_contribution_json={"gmv": 0.5})
    math_model(owner, approved_by_user=True)
    assumption = param(owner, approved=True)
    basis = {
        "models": {"uplift": {"formula_text": "value = uplift * 10", "target_kpi_key": "gmv"}},
        "params": {"uplift": 0.05},
    }
    InitiativeContribution.objects.create(
        initiative=owner, adopted_json={"gmv": 0.5}, adopted_at=NOW, adopted_inputs_json=basis
    )
    line = "1 adopted contribution whose inputs changed since"
    assert line not in words(vera.get(reverse("admin:index")).content.decode())
    InitiativeParam.objects.filter(pk=assumption.pk).update(value=0.06)
    assert line in words(vera.get(reverse("admin:index")).content.decode())
