# One image for every process: `orderstream ingress`, `worker`, `relay`, `topics`. What is built by
# default has nothing that is not used where orders are carried: no compiler, no pip, no setuptools, no
# simulators; those are in the stage `demo`, for docker-compose.yml's profile of that name.
# Dependencies come from the lock file with their hashes, OpenTelemetry among them, so that
# TRACING_OTLP_ENDPOINT is all it takes to trace. The user owns nothing but /state, /config, /tokens.
#
#   docker build --build-arg VERSION=1.0.0 --build-arg REVISION=$(git rev-parse HEAD) \
#     --tag registry.example.com/orderstream:1.0.0 .
#   docker push registry.example.com/orderstream:1.0.0

FROM python:3.11-slim-bookworm AS build
# Only for platforms without a wheel of faust-streaming.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/orderstream
ENV PATH=/opt/orderstream/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements-otel.lock ./
RUN pip install --require-hashes --requirement requirements-otel.lock
COPY pyproject.toml LICENSE README.md ./
COPY schemas ./schemas
COPY stream ./stream
COPY agents ./agents
COPY dashboard ./dashboard
COPY cli ./cli
RUN pip install --no-deps .

FROM build AS build-demo
COPY sandbox ./sandbox
RUN pip install --no-deps ./sandbox
RUN pip uninstall --yes setuptools && pip uninstall --yes pip

FROM build AS build-production
# Nothing installs anything in a container that runs.
RUN pip uninstall --yes setuptools && pip uninstall --yes pip

FROM python:3.11-slim-bookworm AS base
ARG VERSION=local
ARG REVISION=unknown
LABEL org.opencontainers.image.title=orderstream \
    org.opencontainers.image.description="Carries Magento's order and customer events into Salesforce." \
    org.opencontainers.image.version=${VERSION} \
    org.opencontainers.image.revision=${REVISION} \
    org.opencontainers.image.licenses=Apache-2.0
RUN python -m pip uninstall --yes setuptools wheel pip
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin orderstream \
    && install --directory --owner orderstream --group orderstream /state /config /tokens
# What `orderstream org` deploys, and the simulated org is made from.
COPY salesforce /opt/orderstream/share/orderstream/salesforce
ENV PATH=/opt/orderstream/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /state
# By number: `runAsNonRoot` can only be checked for a number.
USER 10001:10001
ENTRYPOINT ["orderstream"]
CMD ["--help"]

FROM base AS demo
COPY --from=build-demo /opt/orderstream /opt/orderstream

FROM base
COPY --from=build-production /opt/orderstream /opt/orderstream
