# syntax=docker/dockerfile:1
# The simulated E2 node.
ARG PYTHON=docker.io/library/python:3.11.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /build
COPY constraints.txt docker/requirements/e2sim.txt ./
RUN python3 -m venv /opt/venv && \
    /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt -r e2sim.txt && \
    /opt/venv/bin/pip uninstall --yes --quiet pip setuptools

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="oran-slicing/e2sim" \
      org.opencontainers.image.description="Simulated E2 node: radio physics behind E2AP" \
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
COPY e2sim e2sim
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python3", "/usr/local/bin/health.py", "http://127.0.0.1:8080/v1/state"]
ENTRYPOINT ["python3", "-m", "e2sim"]
CMD ["--help"]
