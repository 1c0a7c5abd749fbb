"""Signing in at the company's own identity provider, by OpenID Connect; off while OIDC_ISSUER is empty.

mozilla-django-oidc carries out the code flow with state, nonce and PKCE. What it leaves to the project stands here: for whom a token was
made and by whom, whose account it opens, and what happens when the provider is away.
"""

from __future__ import annotations

from typing import Any

import requests
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from jwt import PyJWTError
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from sheetsync.access.audit import note
from sheetsync.access.people import AuditEntry


class CompanyAccounts(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Opens the account that has the e-mail address which the provider vouches for."""

    def authenticate(self, request: HttpRequest | None, **kwargs: Any) -> Any:
        """Only for the provider's own answer: a form that is posted with a code is none."""
        return super().authenticate(request, **kwargs) if kwargs.get("nonce") else None

    def verify_token(self, token: str, **kwargs: Any) -> Any:
        """Made by our provider, for us. Raises SuspiciousOperation."""
        payload = super().verify_token(token, **kwargs)
        audience = payload.get("aud", [])
        if self.OIDC_RP_CLIENT_ID not in (audience if isinstance(audience, list) else [audience]):
            raise SuspiciousOperation("The provider's token was made for somebody else.")
        if str(payload.get("iss", "")).rstrip("/") != settings.OIDC_ISSUER:
            raise SuspiciousOperation("The token wasn't made by the provider of OIDC_ISSUER.")
        return payload

    def verify_claims(self, claims: dict[str, Any]) -> bool:
        """An e-mail address that the provider doesn't call unverified."""
        return bool(claims.get("email")) and claims.get("email_verified", True) in (True, "true")

    def filter_users_by_claims(self, claims: dict[str, Any]) -> QuerySet[User]:
        """People who may sign in; a superuser does so with their password alone."""
        return User.objects.filter(email__iexact=claims["email"], is_active=True, is_superuser=False)

    def create_user(self, claims: dict[str, Any]) -> User | None:
        """Somebody new, with the role of OIDC_ROLE; None where the address belongs to somebody who may not sign in so."""
        address = claims["email"]
        if User.objects.filter(email__iexact=address).exists() or User.objects.filter(username=address).exists():
            return None
        with transaction.atomic():
            made = User.objects.create_user(
                username=address,
                email=address,
                first_name=str(claims.get("given_name", ""))[:150],
                last_name=str(claims.get("family_name", ""))[:150],
                is_staff=True,
            )
            made.groups.set(Group.objects.filter(name=settings.OIDC_ROLE))
        return made


class Ask(OIDCAuthenticationRequestView):  # type: ignore[misc]
    """Sends the person to the provider."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """404 where nothing is set up."""
        if not settings.OIDC_ISSUER:
            raise Http404
        response: HttpResponse = super().get(request)
        return response


class Answer(OIDCAuthenticationCallbackView):  # type: ignore[misc]
    """Takes the provider's answer."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Whatever is wrong with the answer leads back to the login page, and into the audit log."""
        if not settings.OIDC_ISSUER:
            raise Http404
        try:
            response: HttpResponse = super().get(request)
        except (requests.RequestException, PyJWTError, SuspiciousOperation, ValueError, KeyError) as problem:
            return self._refused(request, f"{type(problem).__name__}")
        return response

    def login_failure(self) -> HttpResponse:
        """No account is open to this person."""
        return self._refused(self.request, "no account for this person")

    def _refused(self, request: HttpRequest, why: str) -> HttpResponse:
        note(request, AuditEntry.Event.REFUSED, f"single sign-on: {why}")
        response: HttpResponse = super().login_failure()
        return response
