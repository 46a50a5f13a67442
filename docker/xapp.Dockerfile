# syntax=docker/dockerfile:1
# An xApp: --build-arg XAPP=<folder under xapps/>. All xApps share every layer but the last, which holds the descriptor.
ARG PYTHON=docker.io/library/python:3.11.11-slim-bookworm
# where librmr comes from: librmr (O-RAN-SC's package, RMR_SHA256 is needed) or stand-in (oran/rmr/library.py)
ARG RMR=librmr

FROM ${PYTHON} AS librmr
# both name O-RAN-SC's published package rmr_4.9.4_amd64.deb (release, Debian stretch); without them the build ends
ARG RMR_SHA256
ARG RMR_URL
COPY docker/librmr.py /librmr.py
RUN python3 /librmr.py "${RMR_URL}" "${RMR_SHA256}" /rmr

FROM ${PYTHON} AS stand-in
RUN mkdir -p /rmr/usr/local/lib

FROM ${RMR} AS rmr

FROM ${PYTHON} AS build
# hiredis, which the platform's SDL client pins, has no wheel
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc libc6-dev && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY constraints.txt docker/requirements/xapp.txt ./
RUN python3 -m venv /opt/venv && \
    /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt -r xapp.txt && \
    /opt/venv/bin/pip uninstall --yes --quiet pip setuptools

FROM ${PYTHON}
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    LD_LIBRARY_PATH=/usr/local/lib \
    CONFIG_FILE=/opt/ric/config/config-file.json \
    RMR_SEED_RT=/opt/route/seed.rt \
    RMR_STASH_RT=/tmp/received.rt
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=rmr /rmr/usr/local/lib/ /usr/local/lib/
COPY docker/health.py /usr/local/bin/health.py
COPY docker/xapp.py /usr/local/bin/xapp.py
COPY docker/seed.rt /opt/route/seed.rt
COPY oran oran
COPY e2sim e2sim
COPY xapps xapps
USER 10001:10001
EXPOSE 8080 4560 4561
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python3", "/usr/local/bin/health.py", "http://127.0.0.1:8080/ric/v1/health/alive"]
ENTRYPOINT ["python3", "/usr/local/bin/xapp.py"]
ARG XAPP
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="oran-slicing/${XAPP}" \
      org.opencontainers.image.description="xApp ${XAPP} of the O-RAN slicing suite" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV XAPP=${XAPP}
COPY xapps/${XAPP}/xapp/ /opt/ric/config/
