# The server with PostgreSQL's programs: pg_dump and pg_restore of every supported version, and a server for drills and for the
# embedded catalog. Build: docker build -t belay .
FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY dashboard/package.json dashboard/
COPY test/api-client/package.json test/api-client/
RUN npm ci
COPY . .
RUN npm run build && npm pack --ignore-scripts --pack-destination /tmp

FROM node:20-bookworm-slim
# PostgreSQL's own packages: Debian has one version only, and a dump needs programs that are not older than the server.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates curl gnupg tini \
  && install -d /usr/share/postgresql-common/pgdg \
  && curl -fsSL https://www.postgresql.org/media/keys/ACCC4CF8.asc \
    -o /usr/share/postgresql-common/pgdg/apt.postgresql.org.asc \
  && echo "deb [signed-by=/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc] https://apt.postgresql.org/pub/repos/apt bookworm-pgdg main" \
    > /etc/apt/sources.list.d/pgdg.list \
  && apt-get update \
  && apt-get install -y --no-install-recommends postgresql-18 \
  && apt-get purge -y curl gnupg && apt-get autoremove -y \
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
