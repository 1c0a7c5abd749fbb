"""Signing in at a company's identity provider: the whole flow against a provider on loopback, and every answer that opens nothing."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.test import Client
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from sheetsync.access.people import AuditEntry

pytestmark = pytest.mark.django_db
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider:
    """An OpenID provider: it signs everybody in as whom `claims` say."""

    def __init__(self, server: HTTPServer) -> None:
        self.issuer = server.url_for("").rstrip("/")
        self.nonce = ""
        self.challenge = ""
        self.key = KEY
        self.claims: dict[str, Any] = {"email": "mina@example.com", "email_verified": True, "given_name": "Mina"}
        self.token: dict[str, Any] = {}  # what differs from a good id token
        self.token_status = 200
        server.expect_request("/token").respond_with_handler(self._token)
        server.expect_request("/userinfo").respond_with_handler(lambda request: _json(self.claims))
        server.expect_request("/jwks").respond_with_handler(lambda request: _json({"keys": [_public(KEY)]}))

    def _token(self, request: Request) -> Response:
        if self.token_status != 200 or not request.form.get("code_verifier"):
            return Response("no", status=self.token_status if self.token_status != 200 else 400)
        now = int(time.time())
        good = {"iss": self.issuer, "aud": "desk", "sub": "1", "nonce": self.nonce, "iat": now, "exp": now + 60}
        signed = jwt.encode({**good, **self.token}, self.key, algorithm="RS256", headers={"kid": "one"})
        return _json({"access_token": "x", "id_token": signed, "token_type": "Bearer"})


def _json(body: Any) -> Response:
    return Response(json.dumps(body), content_type="application/json")


def _public(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "one", "alg": "RS256"}


@pytest.fixture
def provider(httpserver: HTTPServer, settings: Any) -> Provider:
    made = Provider(httpserver)
    settings.OIDC_ISSUER = made.issuer
    settings.OIDC_RP_CLIENT_ID = "desk"
    settings.OIDC_RP_CLIENT_SECRET = "secret"
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = f"{made.issuer}/authorize"
    settings.OIDC_OP_TOKEN_ENDPOINT = f"{made.issuer}/token"
    settings.OIDC_OP_USER_ENDPOINT = f"{made.issuer}/userinfo"
    settings.OIDC_OP_JWKS_ENDPOINT = f"{made.issuer}/jwks"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "config.single_sign_on.CompanyAccounts"]
    return made


def mina(**fields: Any) -> User:
    return User.objects.create_user("mina", email="Mina@Example.com", **{"is_staff": True, **fields})


def asked(client: Client, provider: Provider) -> dict[str, str]:
    """Presses the button; what the provider is asked."""
    response = client.get("/sso/", {"next": "/admin/backlog/initiative/"})
    assert response["Location"].startswith(f"{provider.issuer}/authorize?")
    query = {name: values[0] for name, values in parse_qs(urlsplit(response["Location"]).query).items()}
    provider.nonce = query["nonce"]
    return query


def sign_in(provider: Provider, client: Client | None = None) -> tuple[Client, Any]:
    client = client or Client()
    state = asked(client, provider)["state"]
    return client, client.get("/sso/callback/", {"code": "c", "state": state})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_a_person_whom_the_provider_vouches_for_is_signed_in_and_led_on(provider: Provider) -> None:
    user = mina()
    client, response = sign_in(provider)
    assert response["Location"] == "/admin/backlog/initiative/"
    assert client.session["_auth_user_id"] == str(user.pk)
    assert AuditEntry.objects.get().event == "signed in"


def test_the_provider_is_asked_with_state_nonce_and_pkce(provider: Provider) -> None:
    query = asked(Client(), provider)
    assert query["redirect_uri"] == "http://testserver/sso/callback/"
    assert query["code_challenge_method"] == "S256"
    assert query["scope"] == "openid email profile"
    assert len(query["state"]) == len(query["nonce"]) == 32


@pytest.mark.parametrize(
    "token",
    [
        {"aud": "another client"},
        {"iss": "https://evil.example"},
        {"nonce": "of another sign-in"},
        {"exp": int(time.time()) - 3600},
    ],
    ids=["audience", "issuer", "nonce", "expired"],
)
def test_a_token_that_wasnt_made_for_this_sign_in_opens_nothing(provider: Provider, token: dict[str, Any]) -> None:
    mina()
    provider.token = token
    client, response = sign_in(provider)
    assert response["Location"] == "/admin/login/?refused=1"
    assert not is_in(client)
    assert AuditEntry.objects.get().event == "sign-in refused"


def test_a_token_signed_by_somebody_else_opens_nothing(provider: Provider) -> None:
    mina()
    provider.key = OTHER_KEY
    client, _response = sign_in(provider)
    assert not is_in(client)


@pytest.mark.parametrize(
    "claims", [{}, {"email": ""}, {"email": "mina@example.com", "email_verified": False}, {"email": "bo@example.com"}]
)
def test_whom_the_provider_doesnt_vouch_for_gets_in_nowhere(provider: Provider, claims: dict[str, Any]) -> None:
    mina()
    provider.claims = claims
    client, response = sign_in(provider)
    assert response["Location"] == "/admin/login/?refused=1"
    assert not is_in(client)
    assert User.objects.count() == 1


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_superuser": True}])
def test_an_account_that_is_closed_or_a_superusers_is_not_opened(
    provider: Provider, fields: dict[str, Any], settings: Any
) -> None:
    settings.OIDC_CREATE_USER = True
    mina(**fields)
    client, _response = sign_in(provider)
    assert not is_in(client)
    assert User.objects.count() == 1


def test_a_provider_that_is_away_leads_back_to_the_login_page(provider: Provider) -> None:
    mina()
    provider.token_status = 503
    client, response = sign_in(provider)
    assert response["Location"] == "/admin/login/?refused=1"
    assert not is_in(client)


def test_an_answer_that_nobody_asked_for_opens_nothing(provider: Provider) -> None:
    mina()
    client = Client()
    for query in ({"code": "c", "state": "s"}, {"error": "denied"}, {}):
        assert client.get("/sso/callback/", query)["Location"] == "/admin/login/?refused=1"
    asked(client, provider)
    assert client.get("/sso/callback/", {"code": "c", "state": "another"})["Location"] == "/admin/login/?refused=1"
    assert not is_in(client)


def test_a_state_is_used_once(provider: Provider) -> None:
    mina()
    client = Client()
    state = asked(client, provider)["state"]
    client.get("/sso/callback/", {"code": "c", "state": state})
    client.session.flush()
    again = client.get("/sso/callback/", {"code": "c", "state": state})
    assert again["Location"] == "/admin/login/?refused=1"


def test_somebody_new_is_let_in_only_where_that_is_set_and_with_its_role(provider: Provider, settings: Any) -> None:
    client, _response = sign_in(provider)
    assert not is_in(client)
    settings.OIDC_CREATE_USER = True
    client, _response = sign_in(provider)
    made = User.objects.get()
    assert (made.username, made.first_name, made.is_superuser) == ("mina@example.com", "Mina", False)
    assert [group.name for group in made.groups.all()] == ["Viewer"]
    assert client.get("/admin/").status_code == 200


def test_the_login_page_shows_the_way_where_there_is_one(provider: Provider, settings: Any) -> None:
    settings.OIDC_PROVIDER_NAME = "Example login"
    assert "Sign in with Example login" in Client().get("/admin/login/").content.decode()
    assert "Ask an operator whether you have one" in Client().get("/admin/login/?refused=1").content.decode()


def test_without_a_provider_nothing_of_it_is_there() -> None:
    assert "Sign in with" not in Client().get("/admin/login/").content.decode()
    for address in ("/sso/", "/sso/callback/"):
        assert Client().get(address).status_code == 404


def test_a_password_form_with_a_code_in_its_address_is_no_answer_of_a_provider(provider: Provider) -> None:
    mina()
    client = Client()
    client.post("/admin/login/?code=c&state=s", {"username": "mina", "password": "x"})
    assert not is_in(client)
