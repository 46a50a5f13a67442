# syntax=docker/dockerfile:1
# The small near-RT RIC.
ARG PYTHON=docker.io/library/python:3.11.11-slim-bookworm

FROM ${PYTHON} AS build
# hiredis, which the platform's SDL client pins, has no wheel
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc libc6-dev && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY constraints.txt docker/requirements/ric.txt ./
RUN python3 -m venv /opt/venv && \
    /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt -r ric.txt && \
    /opt/venv/bin/pip uninstall --yes --quiet pip setuptools

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="oran-slicing/ric" \
      org.opencontainers.image.description="Small near-RT RIC with the interfaces of the O-RAN-SC platform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY docker/health.py /usr/local/bin/health.py
COPY oran oran
COPY ric ric
USER 10001:10001
EXPOSE 3800 3801 4561 4562 8080 8088 8089 10000 36422 38000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["python3", "/usr/local/bin/health.py", "http://127.0.0.1:3800/v1/health"]
ENTRYPOINT ["python3", "-m", "ric"]
