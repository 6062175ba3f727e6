# The gateway's image: Debian's C library, Python, the locked packages and the gateway. No shell tools for installing
# anything, no compiler, nothing that is writable. Both stages start from the same base, a Debian with Python 3.11.
# For production give the base by digest: --build-arg BASE=docker.io/library/python:3.11-slim-bookworm@sha256:...
ARG BASE=docker.io/library/python:3.11-slim-bookworm

# -- 1. The packages of the lock file, each checked against its hash, and the gateway's own wheel -----------------------
FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/tierwise
COPY requirements/run.lock requirements/build.lock requirements/
# Packages are put into the second environment by the first one's pip, so that none stays behind there. The lock file
# lists all of them: pip looks for no others (older ones stumble over extras in hash mode), and checks that none lacks.
RUN /opt/build/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: \
      -r requirements/build.lock \
 && /opt/build/bin/python -m pip --python /opt/tierwise/bin/python install --no-cache-dir --no-deps --require-hashes \
      --only-binary :all: -r requirements/run.lock \
 && /opt/build/bin/python -m pip --python /opt/tierwise/bin/python check
COPY pyproject.toml README.md LICENSE ./
COPY requirements/run.in requirements/
COPY classifier classifier
COPY plugins plugins
RUN /opt/build/bin/python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /opt/wheels . \
 && /opt/build/bin/python -m pip --python /opt/tierwise/bin/python install --no-index --no-deps /opt/wheels/*.whl

# -- 2. The base without what installs software ---------------------------------------------------------------------------
FROM ${BASE} AS trimmed
RUN rm -rf /usr/bin/apt* /usr/bin/dpkg* /usr/sbin/dpkg* /usr/lib/apt /usr/lib/dpkg /var/lib/apt /var/cache/apt \
      /var/cache/debconf /var/lib/dpkg/info /usr/share/doc /usr/share/man /usr/share/locale /root/.cache \
      /usr/bin/perl* /usr/lib/*/perl-base \
 && find / -xdev \( -name pip -o -name "pip-*" -o -name setuptools -o -name "setuptools-*" -o -name wheel \
      -o -name "wheel-*" -o -name ensurepip \) -path "*python3*" -prune -exec rm -rf {} + \
 && find / -xdev -type f -path "*/bin/pip*" -delete \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && echo "tierwise:x:10001:10001::/var/lib/tierwise:/usr/sbin/nologin" >> /etc/passwd \
 && echo "tierwise:x:10001:" >> /etc/group \
 && mkdir -p /var/lib/tierwise /etc/tierwise && chown 10001:10001 /var/lib/tierwise
COPY --from=build /opt/tierwise /opt/tierwise

# -- 3. One layer of what is left, so that what was removed is in no layer below ------------------------------------------
FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Tierwise" \
      org.opencontainers.image.description="OpenAI-compatible gateway that routes by difficulty, caches safely and holds budgets" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="MIT"
# hadolint ignore=DL3067  # the point of this stage: what was removed must not lie in a layer below
COPY --from=trimmed / /
ENV PATH=/opt/tierwise/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/var/lib/tierwise \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LITELLM_LOCAL_MODEL_COST_MAP=True
USER 10001:10001
WORKDIR /var/lib/tierwise
EXPOSE 4000
HEALTHCHECK --interval=15s --timeout=10s --start-period=180s --retries=6 \
  CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4000/livez', timeout=9)"]
ENTRYPOINT ["tierwise"]
CMD ["serve", "--host", "0.0.0.0", "--port", "4000", "--config", "/etc/tierwise/proxy_config.yaml"]
