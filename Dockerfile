# The REST service on CPUs:
#   docker build -t irs-engine . && docker run -p 8090:8090 -v irs:/data irs-engine
# The first start writes the password and the keys of its account to /data/credentials.

FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN pip wheel --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
# The CPU builds of torch: a tenth of the size of those with CUDA. Behind a mirror: --build-arg TORCH_INDEX=URL
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir torch torchvision --index-url $TORCH_INDEX
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[server,postgres,music]" && rm -r /wheels \
    && useradd --system --home-dir /data irs && install -d -o irs -m 700 /data
USER irs
VOLUME /data
# Memory in large pages: the networks take 68 ms instead of 68 to 76, as the small ones happen to lie.
ENV GLIBC_TUNABLES=glibc.malloc.hugetlb=1
ENV IRS_SERVER_HOST=0.0.0.0 IRS_SERVER_DATA=/data IRS_SERVER_LOG=json
EXPOSE 8090
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8090/readyz', timeout=3)"]
CMD ["irs-engine", "serve"]
