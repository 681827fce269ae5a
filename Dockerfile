# Two targets: web (pages, REST, scheduler; no torch) and worker (agent and training; CUDA comes with
# PyTorch's wheels, so the host needs the NVIDIA driver and container toolkit only).

FROM python:3.11-slim-bookworm AS python
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/venv/bin:$PATH
RUN python -m venv /opt/venv
WORKDIR /opt/trackside

FROM python AS assets
COPY requirements/assets.txt requirements/
RUN pip install --require-hashes -r requirements/assets.txt
COPY package.json package-lock.json ./
COPY scripts/ scripts/
RUN python scripts/npm.py ci --ignore-scripts --no-audit --no-fund && python scripts/vendor.py

FROM python AS house
ENV DJANGO_SETTINGS_MODULE=trackside.config.settings \
    TRACKSIDE_HOME=/var/lib/trackside
RUN groupadd --gid 10001 trackside \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/trackside trackside \
 && install -d -o trackside -g trackside -m 0700 /var/lib/trackside

FROM house AS web
COPY requirements/web.txt requirements/
RUN pip install --require-hashes -r requirements/web.txt
COPY pyproject.toml manage.py ./
COPY platform/ platform/
COPY recipes/ recipes/
COPY workers/ workers/
COPY templates/ templates/
COPY --from=assets /opt/trackside/platform/trackside/ui/static/vendor/ platform/trackside/ui/static/vendor/
RUN pip install --no-build-isolation --no-deps --editable .
USER trackside
EXPOSE 8000
CMD ["uvicorn", "trackside.config.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--timeout-graceful-shutdown", "3", "--no-access-log", "--no-server-header", "--lifespan", "off"]

FROM house AS worker
COPY requirements/core.txt requirements/
RUN pip install --require-hashes -r requirements/core.txt
# Libraries that not every node needs: --build-arg EXTRAS="catboost jax"
ARG EXTRAS=""
COPY requirements/extras/ requirements/extras/
RUN set -e; for name in $EXTRAS; do pip install --no-deps --require-hashes -r requirements/extras/$name.txt; done
COPY pyproject.toml manage.py ./
COPY platform/ platform/
COPY recipes/ recipes/
COPY workers/ workers/
COPY templates/ templates/
RUN pip install --no-build-isolation --no-deps --editable .
USER trackside
STOPSIGNAL SIGINT
CMD ["python", "-m", "workers.agent"]
