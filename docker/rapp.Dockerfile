# syntax=docker/dockerfile:1
# The non-RT rApp: model store, data sets, training, gate, publishing.
ARG PYTHON=docker.io/library/python:3.11.11-slim-bookworm

FROM ${PYTHON} AS build
# torch without CUDA: the package index of its CPU builds; the configured one is tried where none is given
ARG TORCH_INDEX
WORKDIR /build
COPY constraints.txt docker/requirements/rapp.txt ./
RUN python3 -m venv /opt/venv && \
    /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} torch && \
    /opt/venv/bin/python3 -c 'import sys, torch; sys.exit(torch.version.cuda and "torch with CUDA: give TORCH_INDEX, the index of the CPU builds")' && \
    /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt -r rapp.txt && \
    /opt/venv/bin/pip uninstall --yes --quiet pip setuptools

FROM ${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="oran-slicing/rapp" \
      org.opencontainers.image.description="Non-RT rApp: model store, training, evaluation gate, A1 publishing" \
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
ENV MPLCONFIGDIR=/tmp
COPY e2sim e2sim
COPY xapps xapps
COPY rapp rapp
USER 10001:10001
EXPOSE 8090 50051
VOLUME ["/data"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python3", "/usr/local/bin/health.py", "http://127.0.0.1:8090/health"]
ENTRYPOINT ["python3", "-m", "rapp"]
CMD ["serve", "--root=/data/models", "--runs=/data/runs", "--grpc=0.0.0.0:50051", "--rest=0.0.0.0:8090", "--rollouts=/data/rollouts"]
