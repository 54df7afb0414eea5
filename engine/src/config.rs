// SPDX-License-Identifier: Apache-2.0
//! Which Wasmtime do we run? Every setting once, for builder and worker alike.

use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::wasmparser::WasmFeatures;
use wasmtime::{
    Config, CustomCodeMemory, Enabled, Inlining, InstanceAllocationStrategy, ModuleVersionStrategy,
    OptLevel, PoolingAllocationConfig, RegallocAlgorithm, Result, Strategy, WasmBacktraceDetails,
};

/// A test compares it with Cargo.lock.
pub const WASMTIME_VERSION: &str = "48.0.8";

pub const WASM_MAX: usize = 32 << 20;
pub const MEMORY_MAX: u64 = 256 << 20;
pub const TABLE_MAX: u32 = 100_000;
pub const MESSAGE_MAX: usize = 12 << 20;
pub const EXECUTIONS_MAX: u32 = 10_000;

pub const INSTANCES: u32 = 1;
pub const MEMORIES: u32 = 1;
pub const TABLES: u32 = 2;

/// An execution allocates 32 bytes for each function that is referred to and 16 for each global,
/// outside its memory budget. With these two limits the sum stays below `instance_bytes`.
pub const REFERRED_FUNCTIONS_MAX: usize = 20_000;
pub const GLOBALS_MAX: u32 = 10_000;

/// What toolchains emit today. Everything else that the validator knows is off: see `features`.
const FEATURES_ON: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::EXTENDED_CONST);

/// Whatever is set below. Its `Debug` text is part of the digest, so a field that is added here
/// changes the digest without further ado.
#[derive(Debug)]
struct Settings {
    features: WasmFeatures,
    wasm_stack_bytes: usize,
    fibre_stack_bytes: usize,
    memory_reservation: u64,
    memory_guard: u64,
    memory_may_move: bool,
    guard_before_memory: bool,
    dense_image_bytes: u64,
    table_lazy_init: bool,
    memory_init_cow: bool,
    signals_based_traps: bool,
    epochs: bool,
    fuel: bool,
    address_map: bool,
    native_unwind_info: bool,
    debug_info: bool,
    nan_canonicalization: bool,
    compiler_verifier: bool,
    opt_level: OptLevel,
    regalloc: RegallocAlgorithm,
    inlining: Inlining,
    branch_hinting: bool,
    instance_bytes: usize,
    memory_bytes: u64,
    table_elements: u32,
    memories: u32,
    tables: u32,
}

const SETTINGS: Settings = Settings {
    features: FEATURES_ON,
    wasm_stack_bytes: 512 << 10,
    fibre_stack_bytes: 1 << 20,
    // 4 GiB of address space and a guard behind it: 32-bit code needs no bounds checks.
    memory_reservation: 4 << 30,
    memory_guard: 32 << 20,
    memory_may_move: false,
    guard_before_memory: true,
    dense_image_bytes: 16 << 20,
    table_lazy_init: true,
    memory_init_cow: true,
    signals_based_traps: true,
    epochs: true,
    fuel: false,
    // Traps are told apart by their code; where in the wasm they happened is not kept.
    address_map: false,
    native_unwind_info: false,
    debug_info: false,
    nan_canonicalization: false,
    compiler_verifier: false,
    opt_level: OptLevel::Speed,
    regalloc: RegallocAlgorithm::Backtracking,
    inlining: Inlining::No,
    branch_hinting: false,
    instance_bytes: 1 << 20,
    memory_bytes: MEMORY_MAX,
    table_elements: TABLE_MAX,
    memories: MEMORIES,
    tables: TABLES,
};

/// How a worker's pool keeps memory between executions. Decides speed and footprint, never what
/// code looks like, and so is no part of the digest.
mod pool {
    /// Dirty pages of a memory up to this sum are copied over instead of given back to the kernel:
    /// the next execution in the slot takes no page faults for them.
    pub const MEMORY_KEEP: usize = 32 << 10;
    pub const TABLE_KEEP: usize = 4 << 10;
    /// The top of a fibre's stack, zeroed by hand; the rest goes back to the kernel. Zeroing costs
    /// 1 µs an execution and leaves nothing of a guest, nor of its deep recursion, behind.
    pub const STACK_KEEP: usize = 8 << 10;
    /// Slots that stay prepared for a module after their execution.
    pub const WARM_SLOTS: u32 = 64;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Builder,
    Worker { max_executions: u32 },
}

/// What the validator is told, also by [`crate::inspect`].
pub fn features() -> WasmFeatures {
    SETTINGS.features
}

/// The one place where a Wasmtime configuration is made.
pub fn config(role: Role, identity: &Identity, code: Arc<dyn CustomCodeMemory>) -> Result<Config> {
    let s = &SETTINGS;
    let mut config = Config::new();

    config
        .wasm_features(s.features, true)
        .wasm_features(s.features.complement(), false)
        .shared_memory(false)
        .max_wasm_stack(s.wasm_stack_bytes)
        .async_stack_size(s.fibre_stack_bytes)
        .async_stack_zeroing(true)
        .memory_reservation(s.memory_reservation)
        .memory_guard_size(s.memory_guard)
        .memory_may_move(s.memory_may_move)
        .guard_before_linear_memory(s.guard_before_memory)
        .memory_guaranteed_dense_image_size(s.dense_image_bytes)
        .table_lazy_init(s.table_lazy_init)
        .memory_init_cow(s.memory_init_cow)
        .signals_based_traps(s.signals_based_traps)
        .epoch_interruption(s.epochs)
        .consume_fuel(s.fuel)
        .generate_address_map(s.address_map)
        .native_unwind_info(s.native_unwind_info)
        .debug_info(s.debug_info)
        .debug_symbols(s.debug_info)
        .wasm_branch_hinting(s.branch_hinting)
        .compiler_inlining(s.inlining)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(None)
        .module_version(ModuleVersionStrategy::Custom(identity.target.clone()))?
        .with_custom_code_memory(Some(code));

    match role {
        Role::Builder => {
            config
                .strategy(Strategy::Cranelift)
                .cranelift_opt_level(s.opt_level)
                .cranelift_regalloc_algorithm(s.regalloc)
                .cranelift_nan_canonicalization(s.nan_canonicalization)
                .cranelift_debug_verifier(s.compiler_verifier);
        }
        Role::Worker { max_executions } => {
            config
                .enable_compiler(false)
                .allocation_strategy(pooling(max_executions));
        }
    }
    Ok(config)
}

fn pooling(max_executions: u32) -> InstanceAllocationStrategy {
    let s = &SETTINGS;
    let mut pool = PoolingAllocationConfig::new();

    pool.total_core_instances(max_executions * INSTANCES)
        .max_core_instance_size(s.instance_bytes)
        .total_memories(max_executions * MEMORIES)
        .max_memories_per_module(s.memories)
        .max_memory_size(s.memory_bytes as usize)
        .total_tables(max_executions * TABLES)
        .max_tables_per_module(s.tables)
        .table_elements(s.table_elements as usize)
        // A host call that calls the guest's `alloc` runs it on a second stack.
        .total_stacks(max_executions * 2)
        .max_unused_warm_slots(pool::WARM_SLOTS)
        .decommit_batch_size(1)
        .linear_memory_keep_resident(pool::MEMORY_KEEP)
        .table_keep_resident(pool::TABLE_KEEP)
        .async_stack_keep_resident(pool::STACK_KEEP)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}

/// Who made this machine code, and for which machine?
pub struct Identity {
    pub digest: [u8; 32],
    /// Also stands in the code as its version, so that Wasmtime itself refuses any other.
    pub target: String,
}

impl Identity {
    pub fn new() -> Identity {
        let cpu = Cpu::detect();
        let text = format!(
            "annex-engine 1\nwasmtime {WASMTIME_VERSION}\n{}-linux\n{}\n{SETTINGS:?}\n",
            std::env::consts::ARCH,
            cpu.features.join(" "),
        );
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let mut target = format!(
            "{}-linux-{}-wt{WASMTIME_VERSION}-",
            std::env::consts::ARCH,
            cpu.level
        );
        for byte in &digest[..8] {
            let _ = write!(target, "{byte:02x}"); // writing to a String cannot fail
        }
        Identity { digest, target }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Identity::new()
    }
}

/// The processor, as far as the compiler looks at it.
struct Cpu {
    features: Vec<&'static str>,
    level: &'static str,
}

macro_rules! detected {
    ($detect:ident: $($name:tt)*) => {{
        let mut found = Vec::new();
        $(if std::arch::$detect!($name) { found.push($name); })*
        found
    }};
}

impl Cpu {
    /// The very list that the compiler's own detection goes through.
    #[cfg(target_arch = "x86_64")]
    fn detect() -> Cpu {
        let features = detected!(is_x86_feature_detected:
            "cmpxchg16b" "sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "avx" "avx2" "fma" "avxvnni"
            "avx512vnni" "bmi1" "bmi2" "avx512bitalg" "avx512dq" "avx512f" "avx512vl" "avx512vbmi"
            "lzcnt");
        let all = |names: &[&str]| names.iter().all(|name| features.contains(name));
        let v2 = all(&["cmpxchg16b", "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt"]);
        let v3 = v2 && all(&["avx", "avx2", "fma", "bmi1", "bmi2", "lzcnt"]);
        let v4 = v3 && all(&["avx512f", "avx512dq", "avx512vl"]);
        let level = match (v2, v3, v4) {
            (_, _, true) => "v4",
            (_, true, _) => "v3",
            (true, _, _) => "v2",
            _ => "v1",
        };
        Cpu { features, level }
    }

    #[cfg(target_arch = "aarch64")]
    fn detect() -> Cpu {
        Cpu {
            features: detected!(is_aarch64_feature_detected:
                "lse" "paca" "fp16" "dotprod" "i8mm"),
            level: "v8",
        }
    }
}
