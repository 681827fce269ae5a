"""Django's settings. Every value that differs between installations comes from config/env.py."""

import sys

from csp.constants import NONE, SELF

from trackside.config import env

TESTING = "pytest" in sys.modules
DEBUG = env.flag("TRACKSIDE_DEBUG")
SECRET_KEY = env.secret_key()
TRACKSIDE_HOME = env.home()
TRACKSIDE_STORAGE = env.storage()
TRACKSIDE_FAKE_GPUS = env.text("TRACKSIDE_FAKE_GPUS")
TRACKSIDE_XGBOOST_RANKS = env.flag("TRACKSIDE_XGBOOST_RANKS")  # may listen on all addresses
BROKER_URL = env.broker_url()
# How long silence is believed, in seconds; tests make it short (docs/reliability.md has the times).
LEASE_SECONDS = env.whole("TRACKSIDE_LEASE_SECONDS", 90)  # of an attempt's right to its devices
CLAIM_SECONDS = env.whole("TRACKSIDE_CLAIM_SECONDS", 30)  # from assigned to claimed
SUSPECT_SECONDS = env.whole("TRACKSIDE_SUSPECT_SECONDS", 20)  # a node's heartbeat
LOST_SECONDS = env.whole("TRACKSIDE_LOST_SECONDS", 90)
RETRY_SECONDS = env.whole("TRACKSIDE_RETRY_SECONDS", 15)  # the first pause before another try
# New work is refused when the storage has less free than this.
STORAGE_FLOOR = env.whole("TRACKSIDE_STORAGE_FLOOR_MB", 500) * 2**20
PORT = env.whole("PORT", 8000)
SITE_URL = env.text("TRACKSIDE_URL") or f"http://127.0.0.1:{PORT}"
# A page over plain HTTP cannot keep a Secure cookie; behind TLS set TRACKSIDE_URL=https://...
BEHIND_TLS = SITE_URL.startswith("https://")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *env.text("TRACKSIDE_HOSTS").split()]
CSRF_TRUSTED_ORIGINS = [SITE_URL] if BEHIND_TLS else []

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "trackside.ui",
    "trackside.accounts",
    "trackside.projects",
    "trackside.datasets",
    "trackside.compute",
    "trackside.jobs",
    "trackside.connections",
    "trackside.saved_models",
    "trackside.lab",
    "trackside.flow",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "trackside.accounts.gate.Gate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "trackside.config.urls"
ASGI_APPLICATION = "trackside.config.asgi.application"
DATABASES = {"default": env.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [env.ROOT / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "trackside.ui.context.page",
            ],
            "builtins": ["trackside.ui.templatetags.ui"],
            "libraries": {"ui": "trackside.ui.templatetags.ui"},
        },
    }
]
FORM_RENDERER = "trackside.ui.rendering.Renderer"

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [env.ROOT / "platform" / "trackside" / "ui" / "static"]
STATIC_ROOT = TRACKSIDE_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "trackside.ui.storage.HashedFiles"},
}
WHITENOISE_MAX_AGE = 31536000
MEDIA_ROOT = TRACKSIDE_STORAGE

# Uploads are streamed to disk in TRACKSIDE_HOME, never held in memory.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = TRACKSIDE_HOME / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
UPLOAD_MAX_BYTES = env.whole("TRACKSIDE_UPLOAD_MAX_MB", 20_000) * 2**20

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_NAME = "__Host-trackside" if BEHIND_TLS else "trackside"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31536000 if BEHIND_TLS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
