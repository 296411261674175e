# One image, every daemon by its subcommand: docker run … doublehop gateway
# How it is run, and what is in it: docs/containers.md
FROM node:26-bookworm-slim AS base
WORKDIR /opt/doublehop

# What npm reads of the sources, so that a change of anything else does not install the packages anew.
FROM base AS manifests
COPY package.json package-lock.json ./
COPY packages packages
RUN find packages -type f ! -name package.json -delete && find packages -type d -empty -delete

FROM base AS build
COPY --from=manifests /opt/doublehop ./
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund
# npm sbom --omit leaves out what development needs as well; so the list is made of what is installed, for a
# package.json that asks for no more.
RUN npm pkg delete devDependencies optionalDependencies scripts tap \
 && npm sbom --sbom-format=cyclonedx > sbom.cdx.json
COPY LICENSE ./
COPY packages packages
# A launch through the lab, so that what Node compiles on the way lies ready: daemons and health checks start in
# half the time. Node keeps it apart by user, so the user of the image is who launches.
RUN ln -s /opt/doublehop/packages/cli/bin/doublehop.mjs /usr/local/bin/doublehop \
 && install -d -o 10001 node_modules/.cache/doublehop /tmp/lab
USER 10001:10001
RUN cd /tmp/lab && { doublehop up --ephemeral > up.log & } \
 && timeout 60 sh -c 'until grep -q ^ready up.log; do sleep 0.1; done' || { cat up.log; exit 1; } \
 && cd /tmp/lab && doublehop health && doublehop sessions && kill $! && wait $!

FROM base
# Nothing in here belongs to the user it runs as.
COPY --from=build --chown=0:0 /opt/doublehop ./
RUN ln -s /opt/doublehop/packages/cli/bin/doublehop.mjs /usr/local/bin/doublehop \
 && install -d -o 10001 -g 10001 -m 700 /certs
# Here lies the doublehop.yaml of the one daemon that the container runs.
WORKDIR /etc/doublehop
USER 10001:10001
ENTRYPOINT ["doublehop"]
HEALTHCHECK --interval=10s --timeout=10s --retries=3 --start-period=60s --start-interval=500ms \
  CMD ["doublehop", "health"]
