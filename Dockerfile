# One image, many commands (compose.yaml): watches, guard, dashboard, Prefect server, migrations, simulators.
# `--target train` adds the CPU build of PyTorch for training; nothing that runs needs it.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# Which of pyproject.toml's optional groups are installed, too: scale (Dask), docker and kubernetes (workers of such pools),
# s3 (artefacts in an object store).
ARG EXTRAS="scale docker"
WORKDIR /src
COPY pyproject.toml constraints.txt README.md deploy/needed.py ./
# The dependencies alone first: this layer stays as long as they do.
RUN python -m venv /opt/shiftwatch \
    && python needed.py pyproject.toml $EXTRAS > needed.txt \
    && /opt/shiftwatch/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --constraint constraints.txt --requirement needed.txt
COPY . .
RUN /opt/shiftwatch/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps . \
    && /opt/shiftwatch/bin/python -Ic "import app.cli, flows.serve, flows.guarding, streamlit, cv2, onnxruntime" \
    && install -m 0755 deploy/entry /opt/shiftwatch/bin/entry

FROM ${PYTHON_IMAGE} AS run
# For `shiftwatch db backup`: not older than the server of compose.yaml.
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-client \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
# Volumes take their owner from the folders of the image.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin shiftwatch \
    && mkdir -p /data/inbox && chown -R shiftwatch:shiftwatch /data
# Workers of pools: nothing is fetched before its time (README, "Grow").
ENV PATH=/opt/shiftwatch/bin:$PATH \
    HOME=/tmp \
    PREFECT_HOME=/tmp/prefect \
    PREFECT_WORKER_PREFETCH_SECONDS=0 \
    PREFECT_WORKER_QUERY_SECONDS=2 \
    SHIFTWATCH_HOME=/data \
    SHIFTWATCH_SECRETS=/run/secrets \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DO_NOT_TRACK=1
# Its file shiftwatch.toml is found here.
WORKDIR /opt/shiftwatch/site
# What changes with every release comes last, as one layer.
COPY --from=build /opt/shiftwatch /opt/shiftwatch
USER shiftwatch
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/shiftwatch/bin/entry"]
CMD ["shiftwatch", "doctor"]

FROM run AS train
USER root
COPY pyproject.toml constraints.txt deploy/needed.py /tmp/train/
RUN python /tmp/train/needed.py /tmp/train/pyproject.toml train > /tmp/train/needed.txt \
    && pip install --no-cache-dir --disable-pip-version-check --extra-index-url https://download.pytorch.org/whl/cpu \
        --constraint /tmp/train/constraints.txt --requirement /tmp/train/needed.txt && rm -r /tmp/train
USER shiftwatch

# What is built unless told otherwise: without PyTorch.
FROM run
