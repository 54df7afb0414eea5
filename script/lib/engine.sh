# SPDX-License-Identifier: Apache-2.0
# Where is the built engine? Wasmtime takes minutes to build and changes rarely, so the library is
# kept outside the checkout under a key made of all that goes into it. Sourced after common.sh.

engine_key() {
    local sources=()
    mapfile -d '' sources < <(cd "$root" && find engine/Cargo.toml engine/Cargo.lock engine/src \
        -type f -print0 | LC_ALL=C sort -z)
    (cd "$root" && sha256sum "${sources[@]}" && rustc -vV && echo "${RUSTFLAGS:-}") | key /dev/null
}

engine_lib() { echo "$ANNEX_CACHE/engine/$(engine_key)/libannex_engine.a"; }

# engine_build LIB: cargo does the work in a folder that all checkouts share; then one rename.
engine_build() {
    local lib=$1 folder temporary
    [ ! -e "$lib" ] || return 0
    folder=$(dirname "$lib")
    say "engine: building (5-8 minutes the first time on two cores)"
    cargo build --manifest-path "$root/engine/Cargo.toml" --locked --release \
        --target-dir "$ANNEX_CACHE/engine-target"
    mkdir -p "$ANNEX_CACHE/engine"
    temporary=$(mktemp -d "$ANNEX_CACHE/engine/.new.XXXXXX")
    cp "$ANNEX_CACHE/engine-target/release/libannex_engine.a" "$temporary/"
    rm -rf "$folder"
    mv -T "$temporary" "$folder"
    # Five older ones stay, for going back and forth between branches.
    find "$ANNEX_CACHE/engine" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn |
        tail -n +7 | cut -d' ' -f2- | xargs -r rm -rf
}
