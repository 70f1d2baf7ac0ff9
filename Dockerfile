# Checked for syntax and paths, not run: see docs/adr/0003-no-docker-at-hand.md
FROM python:3.11-slim-bookworm AS build
ENV PYTHON=/usr/local/bin/python3
WORKDIR /app
COPY Makefile pyproject.toml README.md LICENSE ./
COPY locks locks
COPY app app
COPY migrations migrations
RUN apt-get update && apt-get install -y --no-install-recommends make && make .venv/.run && sh locks/strip.sh .venv

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 1000 eventstream && install -d -o eventstream /data
WORKDIR /app
COPY --from=build /app /app
ENV EVENTSTREAM_HOST=0.0.0.0 EVENTSTREAM_DATA_DIR=/data PORT=8000
USER eventstream
EXPOSE 8000
VOLUME /data
HEALTHCHECK CMD ["/app/.venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"]
CMD ["/app/.venv/bin/eventstream", "serve"]
