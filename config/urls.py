"""Addresses: the admin is the whole web surface for people."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from sheetsync import health

urlpatterns = [
    path("admin/", admin.site.urls),
    path("health/", health.web, name="health"),
    path("health/worker/", health.worker, name="health_worker"),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
