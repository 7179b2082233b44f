# core: docker build . ; features: --build-arg EXTRAS=features ; batch: --build-arg EXTRAS="batch quality"
ARG PYTHON=docker.io/library/python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb

# Nothing is compiled: every package is a wheel whose hash the lock names, and ours is built from these sources.
FROM ${PYTHON} AS build
ARG EXTRAS=""
COPY release/uv.txt /tmp/uv.txt
RUN python -m pip install --no-cache-dir --require-hashes --only-binary=:all: --requirement /tmp/uv.txt
WORKDIR /source
COPY . .
# hadolint ignore=SC2086 -- EXTRAS is a list of words
RUN release/install.sh /opt/headrace ${EXTRAS}

FROM ${PYTHON}
LABEL org.opencontainers.image.title="headrace" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/headrace /opt/headrace
ENV PATH=/opt/headrace/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# An empty directory that nobody can write: what is written goes to the volume at /tmp.
WORKDIR /empty
USER 10001:10001
# A container without an orchestrator has no other probe; in a cluster the kubelet asks instead.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
  CMD ["python", "-c", "import os,urllib.request as r; r.urlopen('http://127.0.0.1:'+os.environ['HEADRACE_OPS_PORT']+'/livez', timeout=2)"]
ENTRYPOINT ["headrace"]
