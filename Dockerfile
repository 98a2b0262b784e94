# Built from the lock alone: every package by its hash, and only from wheels, so that nothing is
# compiled and nothing is fetched but what the tests ran.
FROM python:3.13-slim-bookworm AS build

WORKDIR /build
COPY requirements-runtime.lock requirements-tools.lock ./
# The environment is filled from outside: it needs no pip of its own.
RUN python -m venv --without-pip /opt/sidecar \
    && python -m pip --python /opt/sidecar/bin/python install --no-cache-dir \
        --only-binary :all: --require-hashes -r requirements-runtime.lock \
    && python -m pip install --no-cache-dir \
        --only-binary :all: --require-hashes -r requirements-tools.lock

COPY pyproject.toml README.md LICENSE ./
COPY sidecar ./sidecar
# hatchling is there already: an isolated build would fetch it anew, without hashes.
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
    && python -m pip --python /opt/sidecar/bin/python install --no-cache-dir --no-deps dist/*.whl \
    && install -d -m 0700 /build/data


FROM python:3.13-slim-bookworm

LABEL org.opencontainers.image.title="sidecar" \
    org.opencontainers.image.description="Forward auth beside your reverse proxy" \
    org.opencontainers.image.licenses="Apache-2.0"

COPY --from=build /opt/sidecar /opt/sidecar
# A new volume takes its owner and mode from here.
COPY --from=build --chown=10001:10001 /build/data /data

# The root file system may be read-only: what is kept goes to /data, and Python writes no byte code
# (it was compiled above). gunicorn's workers show that they live through a temporary file: /dev/shm is
# the one place that every container may write to. The operations listener stays on loopback, where
# `healthcheck` asks it.
ENV PATH="/opt/sidecar/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/dev/shm \
    SIDECAR_SERVER__LISTEN=0.0.0.0:8420 \
    SIDECAR_KEYS__DIRECTORY=/data/keys \
    SIDECAR_DATABASE__URL=sqlite:////data/sidecar.db

# A number, so that Kubernetes' runAsNonRoot can judge it.
USER 10001:10001
VOLUME /data
# sidecar.yaml and policy.yaml are read from here.
WORKDIR /etc/sidecar
EXPOSE 8420

HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["sidecar", "healthcheck"]
ENTRYPOINT ["sidecar"]
CMD ["serve"]
