// SPDX-License-Identifier: Apache-2.0
//! Which modules may be guests, and which code may run? Every refusal has a twin that differs in
//! the refused part alone.

mod common;
use common::*;

/// A guest with something added at its beginning (imports), at its end, and in its handler.
fn module(imports: &str, fields: &str, body: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(module {imports}
            (memory (export "memory") 1)
            (func (export "alloc") (param i32) (result i32) (i32.const 8))
            (func (export "handler") (param i32 i32 i32) (result i32) {body} (i32.const 0))
            {fields})"#
    ))
}

fn verdict(wasm: &[u8]) -> (Code, String) {
    match Engine::builder().inspect(CORE, wasm) {
        Ok(_) => (Code::Ok, String::new()),
        Err(no) => no,
    }
}

#[track_caller]
fn accepted(wasm: &[u8]) {
    assert_eq!(verdict(wasm), (Code::Ok, String::new()));
    Engine::builder().compile(CORE, wasm).unwrap();
}

#[track_caller]
fn refused(wasm: &[u8], code: Code, culprit: &str) {
    let (found, words) = verdict(wasm);
    assert_eq!(found, code, "{words}");
    assert!(
        words.contains(culprit),
        "'{words}' does not name '{culprit}'"
    );
    assert_eq!(
        Engine::builder().compile(CORE, wasm).unwrap_err(),
        (code, words)
    );
}

#[test]
fn ordinary_guests_are_accepted_and_described() {
    let report = Engine::builder()
        .inspect(CORE, &guest("relay_call"))
        .unwrap();
    assert_eq!(report.memory_min_bytes, 2 * 65536);
    assert_eq!(report.memory_max_bytes, u64::MAX);
    assert_eq!((report.functions, report.imports), (2, 1));
    assert_eq!(
        (report.has_start, report.has_dealloc, report.has_calls),
        (0, 0, 1)
    );

    let report = Engine::builder()
        .inspect(CORE, &guest("loop_start"))
        .unwrap();
    assert_eq!((report.has_start, report.has_calls), (1, 0));
    let report = Engine::builder()
        .inspect(CORE, &guest("loop_dealloc"))
        .unwrap();
    assert_eq!(report.has_dealloc, 1);
    let report = Engine::builder()
        .inspect(CORE, &guest("grow_table"))
        .unwrap();
    assert_eq!(report.table_elements, 1);
}

#[test]
fn every_guest_of_the_tests_compiles() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/wat");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "wat") {
            accepted(&wat::parse_file(&path).unwrap());
            seen += 1;
        }
    }
    assert!(seen > 50);
}

#[test]
fn each_feature_that_is_off_refuses_its_module() {
    let plain_memory = r#"(memory (export "memory") 1)"#;
    let with_memory = |memory: &str| {
        let text = format!(
            r#"(module {memory}
                (func (export "alloc") (param i32) (result i32) (i32.const 8))
                (func (export "handler") (param i32 i32 i32) (result i32) (i32.const 0)))"#
        );
        wasm(&text)
    };
    accepted(&with_memory(plain_memory));
    accepted(&with_memory(r#"(memory (export "memory") 1 2)"#));
    for (memory, culprit) in [
        (r#"(memory (export "memory") 1 2 shared)"#, "threads"),
        (r#"(memory (export "memory") i64 1 2)"#, "memory64"),
        (r#"(memory (export "memory") 1) (memory 1)"#, "memories"),
        (
            r#"(memory (export "memory") 65536 (pagesize 1))"#,
            "custom page sizes",
        ),
    ] {
        refused(&with_memory(memory), Code::InvalidModule, culprit);
    }

    // (feature, refused field and body, accepted twin)
    let pairs: [(&str, [&str; 2], [&str; 2]); 14] = [
        (
            "threads",
            ["", "(drop (i32.atomic.load (i32.const 0)))"],
            ["", "(drop (i32.load (i32.const 0)))"],
        ),
        (
            "tail call",
            ["(func $f (result i32) (return_call $f))", ""],
            ["(func $f (result i32) (return (call $f)))", ""],
        ),
        (
            "exceptions",
            ["(tag $t) (func (throw $t))", ""],
            ["(func (unreachable))", ""],
        ),
        (
            "exceptions",
            ["", "(block $b (try_table (catch_all $b)))"],
            ["", "(block $b (block (br $b)))"],
        ),
        (
            "gc",
            ["(type (struct (field i32)))", ""],
            ["(type (func (param i32)))", ""],
        ),
        (
            "gc types",
            ["(func (param anyref))", ""],
            ["(func (param funcref))", ""],
        ),
        (
            "gc types",
            ["(table 1 externref)", ""],
            ["(table 1 funcref)", ""],
        ),
        (
            "function references",
            ["(type $t (func)) (func (param (ref $t)))", ""],
            ["(type $t (func)) (func (param funcref))", ""],
        ),
        (
            "function references",
            ["(type $t (func)) (func (call_ref $t (ref.null $t)))", ""],
            ["(table 1 funcref) (func (call_indirect (i32.const 0)))", ""],
        ),
        (
            "relaxed SIMD",
            [
                "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
                "",
            ],
            [
                "(func (param v128) (drop (i8x16.swizzle (local.get 0) (local.get 0))))",
                "",
            ],
        ),
        (
            "memory64",
            ["(table i64 1 funcref)", ""],
            ["(table 1 funcref)", ""],
        ),
        (
            "wide arithmetic",
            [
                "(func (param i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 0)))",
                "",
            ],
            [
                "(func (param i64) (result i64) (i64.mul (local.get 0) (local.get 0)))",
                "",
            ],
        ),
        (
            "stack switching",
            ["(type $f (func)) (type (cont $f))", ""],
            ["(type $f (func)) (type (func))", ""],
        ),
        (
            "shared",
            ["(global (shared i32) (i32.const 0))", ""],
            ["(global i32 (i32.const 0))", ""],
        ),
    ];
    for (culprit, [field, body], [twin_field, twin_body]) in pairs {
        refused(&module("", field, body), Code::InvalidModule, culprit);
        accepted(&module("", twin_field, twin_body));
    }
}

#[test]
fn a_legacy_exception_is_refused() {
    // `try` `end`, which the text format no longer has: opcode 06 40 in place of `block`, 02 40.
    let twin = module("", "", "(block (nop))");
    let at = twin
        .windows(4)
        .position(|bytes| bytes == [0x02, 0x40, 0x01, 0x0b])
        .unwrap();
    let mut legacy = twin.clone();
    legacy[at] = 0x06;
    accepted(&twin);
    refused(&legacy, Code::InvalidModule, "legacy");
}

#[test]
fn features_that_toolchains_use_are_on() {
    for (field, body) in [
        ("(global (mut i32) (i32.const 0))", ""),
        ("", "(drop (i32.trunc_sat_f32_s (f32.const 1)))"),
        ("", "(drop (i32.extend8_s (i32.const 1)))"),
        ("(func (result i32 i32) (i32.const 1) (i32.const 2))", ""),
        (
            "",
            "(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))",
        ),
        ("(table 1 funcref) (table 2 funcref)", ""),
        (
            "",
            "(drop (i8x16.add (v128.const i64x2 0 0) (v128.const i64x2 0 0)))",
        ),
        ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", ""),
    ] {
        accepted(&module("", field, body));
    }
}

#[test]
fn imports_are_a_closed_list_with_exact_types() {
    let import = |module_name: &str, name: &str, what: &str| {
        module(
            &format!(r#"(import "{module_name}" "{name}" {what})"#),
            "",
            "",
        )
    };
    let log = "(func (param i32 i32))";
    let call = "(func (param i32 i32 i32) (result i32))";

    for name in ["log_info", "log_warn", "log_error"] {
        accepted(&import("alga", name, log));
        refused(&import("alga", name, call), Code::ImportRefused, name);
    }
    for name in ["http_fetch", "http.fetch", "host_call"] {
        accepted(&import("alga", name, call));
        refused(&import("alga", name, log), Code::ImportRefused, name);
    }
    for (module_name, name, what) in [
        ("alga", "log_debug", log),
        ("alga", "", log),
        ("alga", "LOG_INFO", log),
        ("env", "log_info", log),
        ("", "log_info", log),
        ("wasi_snapshot_preview1", "fd_write", log),
        ("alga", "log_info", "(func (param i32 i64))"),
        ("alga", "log_info", "(func (param i32 i32 i32))"),
        ("alga", "log_info", "(func (param i32 i32) (result i32))"),
        ("alga", "host_call", "(func (param i32 i32 i32))"),
        (
            "alga",
            "host_call",
            "(func (param i32 i32 i32) (result i64))",
        ),
        (
            "alga",
            "host_call",
            "(func (param i32 i32 f32) (result i32))",
        ),
        ("alga", "log_info", "(global i32)"),
        ("alga", "log_info", "(memory 1)"),
        ("alga", "log_info", "(table 1 funcref)"),
        ("alga", "memory", "(table 1 funcref)"),
    ] {
        let wasm = import(module_name, name, what);
        // A second memory is already a feature that is off.
        let code = match what {
            "(memory 1)" => Code::InvalidModule,
            _ => Code::ImportRefused,
        };
        refused(
            &wasm,
            code,
            if code == Code::ImportRefused {
                name
            } else {
                ""
            },
        );
    }
}

#[test]
fn exports_are_required_with_exact_types() {
    let memory = r#"(memory (export "memory") 1)"#;
    let alloc = r#"(func (export "alloc") (param i32) (result i32) (i32.const 8))"#;
    let handler = r#"(func (export "handler") (param i32 i32 i32) (result i32) (i32.const 0))"#;
    let with = |fields: [&str; 4]| wasm(&format!("(module {})", fields.join("\n")));

    accepted(&with([memory, alloc, handler, ""]));
    accepted(&with([
        memory,
        alloc,
        handler,
        r#"(func (export "dealloc") (param i32 i32)) (global (export "x") i32 (i32.const 0))"#,
    ]));
    for (fields, culprit) in [
        (["(memory 1)", alloc, handler, ""], "'memory' is missing"),
        ([memory, "", handler, ""], "'alloc' is missing"),
        ([memory, alloc, "", ""], "'handler' is missing"),
        (
            [r#"(memory 1) (func (export "memory"))"#, alloc, handler, ""],
            "'memory' must be a memory",
        ),
        (
            [
                memory,
                r#"(func (export "alloc") (param i64) (result i32) (i32.const 8))"#,
                handler,
                "",
            ],
            "'alloc' must be",
        ),
        (
            [
                memory,
                r#"(func (export "alloc") (param i32))"#,
                handler,
                "",
            ],
            "'alloc' must be",
        ),
        (
            [
                memory,
                r#"(global (export "alloc") i32 (i32.const 0))"#,
                handler,
                "",
            ],
            "'alloc' must be",
        ),
        (
            [
                memory,
                alloc,
                r#"(func (export "handler") (param i32 i32) (result i32) (i32.const 0))"#,
                "",
            ],
            "'handler' must be",
        ),
        (
            [
                memory,
                alloc,
                handler,
                r#"(func (export "dealloc") (param i32))"#,
            ],
            "'dealloc' must be",
        ),
    ] {
        refused(&with(fields), Code::MissingExport, culprit);
    }
}

#[test]
fn sizes_are_judged_at_their_limits() {
    let sized = |memory: u32, fields: &str| {
        wasm(&format!(
            r#"(module (memory (export "memory") {memory})
                (func (export "alloc") (param i32) (result i32) (i32.const 8))
                (func (export "handler") (param i32 i32 i32) (result i32) (i32.const 0))
                {fields})"#
        ))
    };
    accepted(&sized(4095, ""));
    accepted(&sized(4096, ""));
    refused(&sized(4097, ""), Code::TooBig, "memory");
    refused(&sized(65536, ""), Code::TooBig, "memory");

    accepted(&sized(1, "(table 1 funcref) (table 1 funcref)"));
    refused(
        &sized(1, "(table 1 funcref) (table 1 funcref) (table 1 funcref)"),
        Code::TooBig,
        "3 tables",
    );
    accepted(&sized(1, "(table 50000 funcref) (table 50000 funcref)"));
    refused(
        &sized(1, "(table 50000 funcref) (table 50001 funcref)"),
        Code::TooBig,
        "100001 table elements",
    );

    let globals = |count: usize| sized(1, &"(global i32 (i32.const 0))".repeat(count));
    accepted(&globals(10_000));
    refused(&globals(10_001), Code::TooBig, "10001 globals");

    // Two functions are exported already.
    let referred = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| at.to_string()).collect();
        let functions = "(func)".repeat(count);
        sized(
            1,
            &format!("{functions} (elem declare func {})", names.join(" ")),
        )
    };
    accepted(&referred(20_000));
    refused(&referred(20_001), Code::TooBig, "20001 functions");
}

#[test]
fn the_largest_instance_that_is_accepted_also_loads() {
    let names: Vec<String> = (0..20_000).map(|at| at.to_string()).collect();
    let fields = format!(
        "{} {} (table 50000 funcref) (table 50000 funcref) (elem declare func {})",
        "(func)".repeat(20_000),
        "(global i32 (i32.const 0))".repeat(10_000),
        names.join(" ")
    );
    let engine = Engine::worker(1);
    let guest = engine.load_wasm(&module("", &fields, ""));
    let limits = Limits {
        table_elements: 100_000,
        ..Limits::default()
    };
    assert_eq!(guest.run(b"{}", limits).done(), b"");
}

#[test]
fn what_is_no_module_is_refused() {
    let whole = guest("hello");
    accepted(&whole);
    for bytes in [
        &b""[..],
        b"\0",
        b"\0asm",
        b"hello",
        b"(module)",
        &[0xff; 1000],
    ] {
        refused(bytes, Code::InvalidModule, "");
    }
    // A module may end behind its code, before its data and before its names; nowhere else.
    let ends = (1..whole.len())
        .filter(|len| verdict(&whole[..*len]).0 == Code::Ok)
        .count();
    assert_eq!(ends, 2);
    refused(
        &[&whole[..], b"\0"].concat(),
        Code::InvalidModule,
        "at byte",
    );
    refused(&wasm("(component)"), Code::InvalidModule, "component");
    refused(&vec![0; (32 << 20) + 1], Code::TooBig, "33554433 bytes");
    assert_eq!(verdict(&vec![0; 32 << 20]).0, Code::InvalidModule);
    // A body that does not type-check.
    refused(
        &wasm("(module (func (result i32)))"),
        Code::InvalidModule,
        "type mismatch",
    );
}

#[test]
fn kinds_and_roles_that_do_not_exist_are_unsupported() {
    let builder = Engine::builder();
    let worker = Engine::worker(1);
    let hello = guest("hello");
    for kind in [COMPONENT, 0, 3, u32::MAX] {
        assert_eq!(
            builder.inspect(kind, &hello).unwrap_err().0,
            Code::Unsupported
        );
        assert_eq!(
            builder.compile(kind, &hello).unwrap_err().0,
            Code::Unsupported
        );
    }
    assert!(worker.inspect(CORE, &hello).is_ok());
    assert_eq!(
        worker.compile(CORE, &hello).unwrap_err().0,
        Code::Unsupported
    );
    let code = builder.compile(CORE, &hello).unwrap();
    assert_eq!(builder.load(&code).err().unwrap().0, Code::Unsupported);
    assert!(worker.load(&code).is_ok());
}

#[test]
fn options_outside_their_range_are_refused() {
    for (role, max_executions) in [(0, 0), (3, 1), (BUILDER, 1), (WORKER, 0), (WORKER, 10_001)] {
        let options = Options {
            role,
            max_executions,
        };
        let mut engine = std::ptr::null_mut();
        let code = unsafe { ax_engine_new(&options, &mut engine, std::ptr::null_mut(), 0) };
        assert_eq!(code, Code::BadArgument);
        assert!(engine.is_null());
    }
    drop(Engine::worker(10_000));
}

#[test]
fn words_are_cut_to_the_room_there_is() {
    let builder = Engine::builder();
    for cap in [1, 2, 10, 399] {
        let mut room = [0x55u8; 400];
        let mut report = ModuleReport::default();
        let code = unsafe {
            ax_engine_inspect(
                builder.handle(),
                CORE,
                b"nonsense".as_ptr().cast(),
                8,
                &mut report,
                room.as_mut_ptr().cast(),
                cap,
            )
        };
        assert_eq!(code, Code::InvalidModule);
        assert!(room[..cap].contains(&0));
        assert!(room[cap..].iter().all(|byte| *byte == 0x55));
    }
}

#[test]
fn builder_and_worker_agree_on_who_they_are() {
    let builder = Engine::builder();
    let worker = Engine::worker(3);
    let other = Engine::worker(7);
    assert_eq!(builder.digest(), worker.digest());
    assert_eq!(builder.digest(), other.digest());
    assert_eq!(builder.target(), worker.target());
    let hex: String = builder.digest()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(builder.target().ends_with(&format!("-wt48.0.8-{hex}")));
    assert!(builder.target().contains("-linux-"));
    assert_eq!(builder.ticks(), 0);
}

#[test]
fn the_version_we_name_is_the_one_we_build() {
    let lock = include_str!("../Cargo.lock");
    assert!(lock.contains("name = \"wasmtime\"\nversion = \"48.0.8\""));
    assert_eq!(annex_engine::config::WASMTIME_VERSION, "48.0.8");
}

#[test]
fn code_of_another_engine_is_bad_code() {
    let builder = Engine::builder();
    let worker = Engine::worker(1);
    let code = builder.compile(CORE, &guest("hello")).unwrap();
    let bad = |code: &[u8]| worker.load(code).err().expect("refused").0;

    assert!(worker.load(&code).is_ok());
    for len in [1, 4, 16, 63, 64, 200, code.len() / 2, code.len() - 1] {
        assert_eq!(bad(&code[..len]), Code::BadCode, "cut to {len}");
    }
    assert_eq!(bad(&[0; 4096]), Code::BadCode);
    assert_eq!(bad(&guest("hello")), Code::BadCode);

    let target = builder.target().into_bytes();
    let at = code
        .windows(target.len())
        .position(|bytes| bytes == target)
        .expect("the code names its target");
    // The version's last digit, the digest's last digit.
    let version = at + builder.target().find("48.0.8").unwrap() + 5;
    for byte in [version, at + target.len() - 1] {
        let mut other = code.clone();
        other[byte] ^= 1;
        assert_eq!(bad(&other), Code::BadCode);
    }
    let mut other = code.clone();
    other[0] ^= 1;
    assert_eq!(bad(&other), Code::BadCode);
}

#[test]
fn code_must_lie_on_a_page() {
    let worker = Engine::worker(1);
    let code = Engine::builder().compile(CORE, &guest("hello")).unwrap();
    let mapping = Mapping::new(&code);
    let mut module = std::ptr::null();
    let code = unsafe {
        ax_module_load(
            worker.handle(),
            CORE,
            mapping.at.byte_add(16),
            mapping.len - 16,
            &mut module,
            std::ptr::null_mut(),
            0,
        )
    };
    assert_eq!(code, Code::BadArgument);
    assert!(module.is_null());
}

#[test]
fn nothing_is_ever_writable_and_executable() {
    let worker = Engine::worker(4);
    let guest = worker.load_guest("hello");
    let exec = guest.start(b"{}");
    drop(guest.run(b"{}", Limits::default()));
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    for line in maps.lines() {
        let rights = line.split(' ').nth(1).unwrap();
        assert!(!(rights.contains('w') && rights.contains('x')), "{line}");
    }
    let code = format!("{:x}-", guest.mapping.at.addr());
    let line = maps.lines().find(|line| line.starts_with(&code)).unwrap();
    assert!(line.contains("r-xp"), "{line}");
    drop(exec);
}

#[test]
fn codes_have_names() {
    assert_eq!(text_of(ax_engine_code_name(Code::Ok as u32)), "ok");
    assert_eq!(
        text_of(ax_engine_code_name(Code::CompileFailed as u32)),
        "compile_failed"
    );
    assert_eq!(text_of(ax_engine_code_name(99)), "unknown");
}
