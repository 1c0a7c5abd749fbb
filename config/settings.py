"""Settings; everything that differs between machines comes from the environment or `.env` (see docs/operator.md)."""

from __future__ import annotations

import os
from pathlib import Path

import environ
from django.templatetags.static import static
from django.utils.csp import CSP

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
# What the environment says goes before what the file says.
environ.Env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

DEBUG = env.bool("DEBUG", default=False)
# A fresh clone runs without any set-up; a key of its own is made once by `make setup` and kept in var/.
_key_file = BASE_DIR / "var" / "secret_key"
SECRET_KEY = env.str(
    "SECRET_KEY", default=_key_file.read_text().strip() if _key_file.exists() else "only-for-a-first-try"
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://localhost:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "unfold.contrib.simple_history",
    "config.apps.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "simple_history",
    "import_export",
    "django_q",
    "sheetsync",
    "backlog",
    "productops",
    "optimization",
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var' / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Writers wait for each other instead of failing, and readers never wait.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# After so many wrong passwords for one name from one place, nobody signs in with it from there for so long.
SIGN_IN_ATTEMPTS = env.int("SIGN_IN_ATTEMPTS", default=10)
SIGN_IN_PAUSE_MINUTES = env.int("SIGN_IN_PAUSE_MINUTES", default=10)

# Signing in at the company's own identity provider (OpenID Connect); off while OIDC_ISSUER is empty. See docs/operator.md.
OIDC_ISSUER = env.str("OIDC_ISSUER", default="").rstrip("/")
OIDC_PROVIDER_NAME = env.str("OIDC_PROVIDER_NAME", default="your company account")
OIDC_RP_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_RP_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_OP_AUTHORIZATION_ENDPOINT = env.str("OIDC_AUTHORIZATION_URL", default=f"{OIDC_ISSUER}/authorize")
OIDC_OP_TOKEN_ENDPOINT = env.str("OIDC_TOKEN_URL", default=f"{OIDC_ISSUER}/token")
OIDC_OP_USER_ENDPOINT = env.str("OIDC_USERINFO_URL", default=f"{OIDC_ISSUER}/userinfo")
OIDC_OP_JWKS_ENDPOINT = env.str("OIDC_JWKS_URL", default=f"{OIDC_ISSUER}/jwks")
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid email profile"
OIDC_USE_PKCE = True
OIDC_TIMEOUT = 10
# Whether somebody whom the provider knows and this system doesn't yet is let in, and with which role.
OIDC_CREATE_USER = env.bool("OIDC_CREATE_USERS", default=False)
OIDC_ROLE = env.str("OIDC_ROLE", default="Viewer")
LOGIN_REDIRECT_URL_FAILURE = "/admin/login/?refused=1"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
if OIDC_ISSUER:
    AUTHENTICATION_BACKENDS.append("config.single_sign_on.CompanyAccounts")

# Whether a person may approve in the admin what they themselves entered there last.
APPROVE_OWN_ENTRIES = env.bool("APPROVE_OWN_ENTRIES", default=False)

LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"

# The solver must give up before the worker's timeout: a native solve ignores the worker's alarm.
SOLVER_TIME_LIMIT_S = env.float("SOLVER_TIME_LIMIT_S", default=60.0)
SOLVER_GAP = env.float("SOLVER_GAP", default=0.001)
# How many times a run is solved over the ranges of params, and in how many processes at once.
SELECTION_DRAWS = env.int("SELECTION_DRAWS", default=500)
DRAW_PROCESSES = env.int("DRAW_PROCESSES", default=os.cpu_count() or 1)
# How likely the numbers between a parameter's min and max are, and how many draws of them scoring makes; 0 makes none.
RANGE_SHAPE = env.str("RANGE_SHAPE", default="pert", choices=["pert", "triangular", "uniform"])
RANGE_DRAWS = env.int("RANGE_DRAWS", default=500)
SOLVER_EXPLAIN_MOST = env.int("SOLVER_EXPLAIN_MOST", default=200)  # candidates whose why_not is computed
SOLVER_EXPLAIN_S = env.float("SOLVER_EXPLAIN_S", default=120.0)  # seconds for all explanations of a run
GOOGLE_CREDENTIALS = env.str("GOOGLE_CREDENTIALS", default="")
SHEETS_API_URL = env.str("SHEETS_API_URL", default="")
# Reads, and likewise writes, that all workers together send in a minute: Google lets one service account send 60. 0 is no limit.
SHEETS_REQUESTS_PER_MINUTE = env.int("SHEETS_REQUESTS_PER_MINUTE", default=0 if SHEETS_API_URL else 60)
# How many Control tabs of spreadsheets are looked at in a minute: the rest of the requests is for actions. 0 is no limit.
SHEETS_POLLS_PER_MINUTE = env.int(
    "SHEETS_POLLS_PER_MINUTE", default=(SHEETS_REQUESTS_PER_MINUTE + 1) // 2 if SHEETS_REQUESTS_PER_MINUTE else 0
)
# Requests that workbooks sign: so many a minute for each workbook, and none larger than this.
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=120)
API_MAX_BODY_BYTES = env.int("API_MAX_BODY_BYTES", default=128 * 1024)
# The largest file that is imported in the admin.
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=20 * 1024 * 1024)
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="")
OPENAI_MODEL = env.str("OPENAI_MODEL", default="gpt-5.4-mini")
LANGUAGE_MODEL = "productops.llm.openai_model.OpenAiModel"
# A folder whose prompt files go before those of templates/prompts.
LLM_PROMPTS_DIR = env.str("LLM_PROMPTS_DIR", default="")
# What asking may take: rows that one run asks about, tokens of 24 hours, tokens of one answer, questions under way at once.
LLM_MAX_ROWS = env.int("LLM_MAX_ROWS", default=50)
LLM_TOKENS_PER_DAY = env.int("LLM_TOKENS_PER_DAY", default=1_000_000)
LLM_MAX_ANSWER_TOKENS = env.int("LLM_MAX_ANSWER_TOKENS", default=4_000)
LLM_AT_ONCE = env.int("LLM_AT_ONCE", default=4)
# Seconds: for one request, for a question that is repeated while the server is busy, for all questions of a run (below the worker's
# timeout).
LLM_TIMEOUT_S = env.float("LLM_TIMEOUT_S", default=60.0)
LLM_PATIENCE_S = env.float("LLM_PATIENCE_S", default=120.0)
LLM_RUN_LIMIT_S = env.float("LLM_RUN_LIMIT_S", default=600.0)
# Answers that nobody asked for again are forgotten after so many days.
LLM_KEEP_DAYS = env.int("LLM_KEEP_DAYS", default=90)

# A run whose process shows no sign of life for so long is taken up by another worker, so many times in all.
RUN_LEASE_S = env.float("RUN_LEASE_S", default=60.0)
RUN_ATTEMPTS = env.int("RUN_ATTEMPTS", default=3)
# How often intake and backlog are synced without anybody asking; 0 is never.
SYNC_EVERY_MINUTES = env.int("SYNC_EVERY_MINUTES", default=0)

TASK_TIMEOUT_S = 900
# What bounds a frontier, a comparison or the draws of a run, all solves together; a worker's task may take longer.
STUDY_TIME_LIMIT_S = min(10 * SOLVER_TIME_LIMIT_S, TASK_TIMEOUT_S - 300)
TASK_RETRY_S = TASK_TIMEOUT_S + 300  # longer than a task may take, or it would be handed out twice
Q_CLUSTER = {
    "name": "portfolio",
    "orm": "default",
    "workers": 2,
    "timeout": TASK_TIMEOUT_S,
    "retry": TASK_RETRY_S,
    "queue_limit": 4,  # the lease starts before a worker picks a task
    "max_attempts": 5,  # of a task; a run's attempts are counted in the run itself
    "ack_failures": True,  # what broke off is queued again by its run's state, not by the queue
    "catch_up": False,
    "poll": 0.2,
    "label": "Tasks",
}

LOG_LEVEL = env.str("LOG_LEVEL", default="WARNING").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"run": {"()": "sheetsync.logs.RunFilter"}},
    "formatters": {
        "plain": {"()": "sheetsync.logs.PlainFormatter"},
        "json": {"()": "sheetsync.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["run"],
            "formatter": "json" if env.str("LOG_FORMAT", default="plain").lower() == "json" else "plain",
        },
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        # Errors of pages are logged with their traceback, and never mailed.
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django-q": {"level": LOG_LEVEL},
        **{app: {"level": LOG_LEVEL} for app in ("sheetsync", "backlog", "productops", "optimization", "config")},
    },
}

SIMPLE_HISTORY_REVERT_DISABLED = False

LOGIN_REDIRECT_URL = "admin:index"  # where the login page leads when it was opened by itself


# The admin's sidebar, in the words of those who use it: (title, icon, "app_label.model" whose list it leads to). People see what they may.
SIDEBAR = {
    "Initiatives": [
        ("Intake", "move_to_inbox", "backlog.intakesubmission"),
        ("Backlog", "list_alt", "backlog.initiative"),
    ],
    "Models": [
        ("Math models", "function", "productops.initiativemathmodel"),
        ("Parameters", "tune", "productops.initiativeparam"),
        ("Templates", "library_books", "productops.modeltemplate"),
        ("Scores", "leaderboard", "productops.initiativescoring"),
        ("Language model", "smart_toy", "productops.languagemodelanswer"),
    ],
    "KPIs": [
        ("KPIs", "monitoring", "productops.metricconfig"),
        ("Contributions", "add_chart", "productops.initiativecontribution"),
    ],
    "Portfolio": [
        ("Scenarios", "flag", "optimization.optimizationscenario"),
        ("Constraint sets", "rule", "optimization.optimizationconstraintset"),
        ("Optimizer runs", "play_circle", "optimization.optimizationrun"),
        ("Portfolios", "pie_chart", "optimization.portfolio"),
    ],
    "Workbooks": [
        ("Workbooks", "table", "sheetsync.workbook"),
        ("Tabs", "tab", "sheetsync.tabstate"),
        ("Timetable", "schedule", "django_q.schedule"),
        ("Runs", "history", "sheetsync.actionrun"),
        ("Changes", "difference", "sheetsync.recordchange"),
        ("Conflicts", "call_split", "sheetsync.conflict"),
    ],
    "People": [
        ("People", "person", "auth.user"),
        ("Roles", "group", "auth.group"),
        ("Audit log", "policy", "sheetsync.auditentry"),
    ],
}

UNFOLD = {
    "SITE_TITLE": "Portfolio Desk",
    "SITE_HEADER": "Portfolio Desk",
    "SITE_SYMBOL": "stacks",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("sheetsync/icon.svg")},
    ],
    "DASHBOARD_CALLBACK": "sheetsync.admin.panels.dashboard",
    "STYLES": [lambda request: static("sheetsync/desk.css")],
    "SCRIPTS": [
        lambda request: static("sheetsync/plots.js"),
        lambda request: static("sheetsync/tables.js"),
    ],
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "sheetsync.site.sidebar",
    },
    "LOGIN": {"form": "sheetsync.access.sign_in.SignInForm"},
}

# Reverse proxies in front of the pages: the address of a person's browser is what the outermost of ours says.
PROXIES = env.int("PROXIES", default=0)
if PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
# Everything comes from here. The admin's look needs two allowances: Alpine.js makes functions of its attributes, and pages carry the
# theme's colours in a style element.
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.SELF],
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
if not DEBUG and PUBLIC_URL.startswith("https://"):
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
