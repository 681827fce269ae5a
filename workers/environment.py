"""The environment that jobs get: named variables only. Secrets are not on the list, so no rank can
read them."""

import os

NAMES = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "SHELL"),
        *("LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH", "CUDA_HOME", "CUDA_PATH"),
        # Weights may have to be fetched through a proxy.
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        # Where they belong to, so that a supervisor finds what it started.
        *("TRACKSIDE_HOME", "TRACKSIDE_HOME_ID", "TRACKSIDE_STORAGE", "TRACKSIDE_OFFLINE"),
        # How often checkpoints are written, and how long a rank's silence is believed.
        "TRACKSIDE_CHECKPOINT_SECONDS",
        *("TRACKSIDE_HUNG_SECONDS", "TRACKSIDE_FIRST_STEP_SECONDS"),
        "OMP_WAIT_POLICY",  # "passive": threads that wait do not spin, where others use the cores
    )
)
# A test of what survives a crash names its place to all of a node's processes: recipes/crash.py.
PREFIXES = ("LC_", "NCCL_", "NVIDIA_", "TRACKSIDE_CRASH_")


def for_jobs(**more: str) -> dict[str, str]:
    """What may pass, and `more`."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in NAMES or name.startswith(PREFIXES)
    }
    return {**passed, "PYTHONUNBUFFERED": "1", **more}
