"""Addresses: the admin is the whole web surface for people; workbooks ask below /api/."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from config import single_sign_on
from sheetsync.runs import health
from sheetsync.web import views

handler403 = "sheetsync.admin.refusals.not_yours"
handler404 = "sheetsync.admin.refusals.not_there"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/actions/", views.actions, name="actions"),
    path("api/actions/<str:run_id>/", views.action_run, name="action_run"),
    path("api/", views.not_found),
    path("api/<path:path>", views.not_found),
    path("health/", health.web, name="health"),
    path("health/worker/", health.worker, name="health_worker"),
    path("sso/", single_sign_on.Ask.as_view(), name="oidc_authentication_init"),
    path("sso/callback/", single_sign_on.Answer.as_view(), name="oidc_authentication_callback"),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
