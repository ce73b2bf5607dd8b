# probe, as a small image that runs as nobody in particular.
#
#     docker build -t mtls-probe .
#     docker run --rm mtls-probe demo
#
# Without a compiler at hand, from a binary that fits RUN_IMAGE:
#
#     cargo build --locked --release
#     docker build -t mtls-probe --target prebuilt .
ARG BUILD_IMAGE=rust:1-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY probes probes
COPY src src
RUN cargo build --locked --release --bin probe

FROM ${RUN_IMAGE} AS base
# Keys are readable for their owner alone, so whoever shares the folder has the same number.
RUN install --directory --owner=65532 --group=65532 --mode=0700 /lab
WORKDIR /lab
USER 65532:65532
ENTRYPOINT ["probe"]

FROM base AS prebuilt
COPY target/release/probe /usr/local/bin/probe

FROM base AS run
COPY --from=build /src/target/release/probe /usr/local/bin/probe
