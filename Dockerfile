# One image for each service, the `internode` command and the ceremony (target internode), and a broker that runs as nobody
# in particular and can be asked how it is (target broker). Base images by other means than a registry: deploy/base-images.sh.
ARG DEBIAN=debian:bookworm-slim
ARG NODE=node:24-bookworm-slim
ARG NATS=nats:2

FROM ${NODE} AS manifests
WORKDIR /all
COPY . .
RUN mkdir /manifests && cp package-lock.json .npmrc /manifests && find . -name package.json -exec cp --parents -t /manifests {} +

# Again only when a manifest changes. The secret `ca`: who vouches for the registry, where that is nobody whom the image knows.
FROM ${NODE} AS packages
WORKDIR /app
COPY --from=manifests /manifests ./
RUN --mount=type=secret,id=ca \
    NODE_EXTRA_CA_CERTS=/run/secrets/ca npm ci --omit=dev --workspace replica --no-audit --no-fund --loglevel=error \
    && rm -rf node_modules/node-linux-* node_modules/@nxtedition/rocksdb/prebuilds/darwin-* \
    && find node_modules -name '*.map' -delete

FROM ${NODE} AS node

FROM ${DEBIAN} AS base
COPY deploy/probe.sh /usr/local/bin/probe
RUN useradd --uid 1000 --user-group internode \
    && mkdir -p /data /settings /keys /out && chown 1000:1000 /data /settings /keys /out

FROM base AS internode
COPY --from=node /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json LICENSE ./
COPY packages packages
COPY services services
COPY replica replica
COPY deploy/ceremony.sh deploy/entrypoint.sh deploy/
# What glibc keeps, and what V8 does: scripts/run.mjs, replica/src/apart/process-unit.ts.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=1310720 MALLOC_TRIM_THRESHOLD_=33554432 NODE_COMPILE_CACHE=/app/.cache/compile
# Volumes begin as what stands here: they belong to whoever writes into them.
RUN ln -s /app/deploy/entrypoint.sh /usr/local/bin/internode && mkdir .cache \
    && for name in broker state execution beacon consensus p2p gateway; do mkdir /out/$name; done \
    && mkdir -p /ceremony /nodes/0 /nodes/1 /nodes/2 /nodes/3 && chown -R 1000:1000 .cache /out /ceremony /nodes
USER 1000:1000
# Each ends at once for want of settings, and has loaded all its code by then: half of a start.
RUN for name in state execution beacon consensus p2p gateway; do internode service $name 2>/dev/null || true; done; internode help >/dev/null
ENTRYPOINT ["internode"]
CMD ["help"]

FROM ${NATS} AS nats

FROM base AS broker
COPY --from=nats /nats-server /usr/local/bin/nats-server
USER 1000:1000
ENTRYPOINT ["nats-server"]
CMD ["--config", "/settings/nats.conf", "--http_port", "8222"]
