"""How the API says no."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than 200."""

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # HTTP status
        self.status = status  # as google.rpc.Code names it
        self.message = message

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"code": self.code, "message": self.message, "status": self.status}}


def invalid(message: str) -> ApiError:
    """400."""
    return ApiError(400, "INVALID_ARGUMENT", message)


def not_found() -> ApiError:
    """404."""
    return ApiError(404, "NOT_FOUND", "Requested entity was not found.")


def no_permission() -> ApiError:
    """403."""
    return ApiError(403, "PERMISSION_DENIED", "The caller does not have permission")


def too_many(what: str) -> ApiError:
    """429. `what`: Read or Write."""
    return ApiError(
        429,
        "RESOURCE_EXHAUSTED",
        f"Quota exceeded for quota metric '{what} requests' and limit '{what} requests per minute per user' of service "
        "'sheets.googleapis.com' for consumer 'project_number:1'.",
    )


def unavailable() -> ApiError:
    """503."""
    return ApiError(503, "UNAVAILABLE", "The service is currently unavailable.")
