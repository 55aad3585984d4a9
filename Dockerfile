FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    UV_NO_CACHE=1 \
    RAGKIT_HOME=/var/lib/ragkit

# Reads scans; further languages are packages such as tesseract-ocr-deu.
RUN apt-get update -qq \
 && apt-get install -qq -y --no-install-recommends tesseract-ocr \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /app

# Dependencies first: they change seldom, and this layer is most of the image.
COPY pyproject.toml constraints.txt ./
RUN pip install --quiet -c constraints.txt uv \
 && uv pip install --quiet --system --torch-backend=cpu -c constraints.txt torch \
 && uv pip install --quiet --system -c constraints.txt -r pyproject.toml --extra all

COPY README.md LICENSE ./
COPY src src
RUN uv pip install --quiet --system --no-deps .

RUN useradd --system --home-dir /var/lib/ragkit --create-home ragkit
USER ragkit
VOLUME /var/lib/ragkit
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]

ENTRYPOINT ["ragkit"]
# Refused without RAGKIT_API_KEYS: an address other than loopback is not served to everybody.
CMD ["serve", "--host", "0.0.0.0"]
