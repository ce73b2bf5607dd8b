# probe as a small image: one static binary, which runs as nobody in particular.
#
#     docker build --tag mtls-probe .
#     docker run --rm mtls-probe demo
#
# For other architectures the same: nothing here names one.
#
#     docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/mtls-probe --push .
#
# The same sources, BUILD_IMAGE and SOURCE_DATE_EPOCH give the same binary.
ARG BUILD_IMAGE=rust:1.95-alpine
ARG RUN_IMAGE=scratch

# It needs Rust with the musl target of its own architecture, and what compiles C for that.
FROM ${BUILD_IMAGE} AS build
RUN if command -v apk >/dev/null; then apk add --no-cache gcc musl-dev; fi
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY probes probes
COPY src src
ARG SOURCE_DATE_EPOCH=0
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
# Paths of the build say nothing to whoever reads a panic, and differ from machine to machine.
RUN set -eu; \
    target="$(rustc --version --verbose | sed -n 's/^host: \([^-]*\)-.*/\1-unknown-linux-musl/p')"; \
    cargo="${CARGO_HOME:-$HOME/.cargo}"; \
    export RUSTFLAGS="-C strip=symbols -C target-feature=+crt-static \
      --remap-path-prefix=/src=mtls-probe --remap-path-prefix=$cargo/registry/src=crates \
      --remap-path-prefix=$(rustc --print sysroot)=rust"; \
    export CFLAGS="-ffile-prefix-map=$cargo/registry/src=crates -ffile-prefix-map=/src=mtls-probe"; \
    cargo build --locked --release --bin probe --target "$target"; \
    mkdir -p /out/usr/local/bin /out/tmp /own/lab; \
    cp "target/$target/release/probe" /out/usr/local/bin/; \
    chmod 1777 /out/tmp; \
    chmod 0700 /own/lab; \
    find /out /own -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

FROM ${RUN_IMAGE} AS run
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="mtls-probe" \
      org.opencontainers.image.description="Opens real TLS handshakes as SPIFFE identities, and says who refused whom and why" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/ /
# Keys are readable for their owner alone, so whoever shares the folder has the same number.
COPY --from=build --chown=65532:65532 /own/ /
WORKDIR /lab
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/probe"]
