# The server with PostgreSQL's programs: a pg_dump takes servers up to its own version, so it is the newest; its server is for drills
# and for the embedded catalog. Build: docker build -t belay .
FROM node:20-trixie-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY dashboard/package.json dashboard/
COPY test/api-client/package.json test/api-client/
RUN npm ci
COPY . .
RUN npm run build && npm pack --ignore-scripts --pack-destination /tmp

FROM postgres:18-trixie
# Debian's Node.js is version 20 there.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates nodejs npm tini \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /tmp/belaydb-*.tgz /tmp/belaydb.tgz
RUN npm install --global --omit=optional /tmp/belaydb.tgz && rm /tmp/belaydb.tgz && npm cache clean --force \
  && useradd --create-home --uid 10001 belay \
  && install -d -o belay -g belay -m 0700 /var/lib/belay
USER belay
ENV NODE_ENV=production BELAY_HOME=/var/lib/belay
VOLUME /var/lib/belay
EXPOSE 8432
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8432/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "belay"]
CMD ["serve", "--host", "0.0.0.0"]
