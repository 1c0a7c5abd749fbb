"""What ProductOps adds to the admin beside its forms: pages, and panels on initiatives."""

from __future__ import annotations

from productops.adoption_page import PAGE as ADOPTIONS
from productops.adoption_page import adoptions
from sheetsync.admin.extra_pages import ExtraPage, register_page

register_page(
    ExtraPage(
        path="adoptions",
        name=ADOPTIONS,
        title="Adoptions",
        section="KPIs",
        icon="order_approve",
        permission="productops.view_initiativecontribution",
        in_scope=True,
        view=adoptions,
    )
)
