"""Settings of the tests: the project's own, whatever `.env` and the environment of this machine say.

DATABASE_URL alone is taken from the environment, for the run on PostgreSQL (see tests/postgres.py).
"""

import os

_FROM_THE_ENVIRONMENT = (
    "ALLOWED_HOSTS",
    "APPROVE_OWN_ENTRIES",
    "DEBUG",
    "DRAW_PROCESSES",
    "GOOGLE_CREDENTIALS",
    "LLM_AT_ONCE",
    "LLM_KEEP_DAYS",
    "LLM_MAX_ANSWER_TOKENS",
    "LLM_MAX_ROWS",
    "LLM_PATIENCE_S",
    "LLM_PROMPTS_DIR",
    "LLM_RUN_LIMIT_S",
    "LLM_TIMEOUT_S",
    "LLM_TOKENS_PER_DAY",
    "IMPORT_MAX_BYTES",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "OIDC_ISSUER",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "PROXIES",
    "PUBLIC_URL",
    "RANGE_DRAWS",
    "RANGE_SHAPE",
    "RUN_ATTEMPTS",
    "RUN_LEASE_S",
    "SELECTION_DRAWS",
    "SESSION_HOURS",
    "SHEETS_API_URL",
    "SHEETS_POLLS_PER_MINUTE",
    "SHEETS_REQUESTS_PER_MINUTE",
    "SIGN_IN_ATTEMPTS",
    "SIGN_IN_PAUSE_MINUTES",
    "SOLVER_EXPLAIN_MOST",
    "SOLVER_EXPLAIN_S",
    "SOLVER_GAP",
    "SOLVER_TIME_LIMIT_S",
    "SYNC_EVERY_MINUTES",
)
# In the environment, not only here: commands that a test starts see the same.
for _name in _FROM_THE_ENVIRONMENT:
    os.environ.pop(_name, None)
os.environ["ENV_FILE"] = os.devnull
os.environ["SECRET_KEY"] = "only for tests"
# Few draws, in this very process: tests that are about draws ask for more.
os.environ["SELECTION_DRAWS"], os.environ["DRAW_PROCESSES"] = "30", "1"
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

from config.settings import *  # noqa: E402, F403

# The real one is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# WhiteNoise warns of a folder that isn't there; pages of tests get their static files from where they lie.
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405
