// SPDX-License-Identifier: Apache-2.0
//! What can one guest do to us, to its thread and to its neighbours? Each hostile guest ends with
//! its fault, within its budget, and an ordinary guest runs right after it.

mod common;
use common::*;

const TRAP: u32 = 1;
const STACK: u32 = 2;
const MEMORY: u32 = 3;
const CPU: u32 = 4;
const GUEST: u32 = 5;
const BAD_ALLOC: u32 = 6;
const BAD_RESPONSE: u32 = 7;

const REQUEST: &[u8] = br#"{"nonce":"7d1f"}"#;

/// One execution with default limits, and an ordinary one behind it in the same engine.
fn end_of(name: &str) -> End {
    end_within(name, Limits::default())
}

fn end_within(name: &str, limits: Limits) -> End {
    let engine = Engine::worker(1);
    let guest = engine.load_guest(name);
    let hello = engine.load_guest("hello");
    let end = guest.run(REQUEST, limits);
    assert_eq!(engine.executions(), 0);
    assert_eq!(guest.executions(), 0);
    assert!(
        hello
            .run(REQUEST, Limits::default())
            .done()
            .starts_with(b"{\"status\":200")
    );
    end
}

fn words(end: &End) -> &str {
    match &end.event {
        Event::Fault { words, .. } => words,
        other => panic!("no fault: {other:?}"),
    }
}

#[test]
fn ordinary_guests_answer() {
    let end = end_of("echo");
    assert_eq!(end.done(), REQUEST);
    assert_eq!(end.usage.memory_peak_bytes, 2 * 65536);
    assert!(end.usage.cpu_ns > 0);
    assert_eq!((end.usage.calls, end.usage.logs_dropped), (0, 0));
    assert_eq!(end_of("text").done(), b"just text, not JSON");
    assert_eq!(end_of("empty").done(), b"");
    assert!(end_of("loop_dealloc").done().starts_with(b"{"));
}

#[test]
fn loops_end_at_their_budget() {
    for name in [
        "loop_handler",
        "loop_start",
        "loop_alloc",
        "loop_calls",
        "loop_br_table",
        "loop_fill",
        "loop_second_alloc",
    ] {
        let limits = Limits {
            cpu_ns: 20 * MS,
            ..Limits::default()
        };
        let end = end_within(name, limits);
        assert_eq!(end.fault(), CPU, "{name}");
        assert!(end.usage.cpu_ns >= 20 * MS, "{name}: {:?}", end.usage);
        assert!(end.usage.cpu_ns < 70 * MS, "{name}: {:?}", end.usage);
        assert!(end.yields >= 2, "{name}: {} yields", end.yields);
    }
}

#[test]
fn a_loop_is_dropped_in_the_middle() {
    let engine = Engine::worker(3);
    for name in ["loop_handler", "loop_start", "loop_alloc"] {
        let guest = engine.load_guest(name);
        let mut exec = guest.start(REQUEST);
        for _ in 0..3 {
            assert_eq!(exec.poll().unwrap().0, Event::Yield);
        }
        assert_eq!(engine.executions(), 1);
        drop(exec);
        assert_eq!((engine.executions(), guest.executions()), (0, 0));
    }
    // Inside the alloc that was called for an answer: two stacks.
    let guest = engine.load_guest("loop_second_alloc");
    let mut exec = guest.start(REQUEST);
    let (id, _) = exec.call();
    assert_eq!(exec.answer(id, 0, b"{}"), Code::Ok);
    assert_eq!(exec.poll().unwrap().0, Event::Yield);
    drop(exec);
    assert_eq!(engine.executions(), 0);
}

#[test]
fn a_slice_lasts_about_a_tick() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("loop_handler");
    let mut exec = guest.start(REQUEST);
    let mut last = 0;
    let mut longest = 0;
    for _ in 0..50 {
        assert_eq!(exec.poll().unwrap().0, Event::Yield);
        let now = exec.usage().cpu_ns;
        longest = longest.max(now - last);
        last = now;
    }
    assert!(longest < 20 * MS, "{longest} ns in one slice");
}

#[test]
fn traps_name_themselves() {
    for (name, say) in [
        ("trap_unreachable", "unreachable"),
        ("trap_divide", "divide by zero"),
        ("trap_memory", "out of bounds memory access"),
        ("trap_table", "uninitialized element"),
        ("trap_signature", "indirect call type mismatch"),
        ("trap_start", "unreachable"),
        ("trap_alloc", "unreachable"),
        ("late_alloc_trap", "unreachable"),
    ] {
        let end = end_of(name);
        assert_eq!(end.fault(), TRAP, "{name}");
        assert!(words(&end).contains(say), "{name}: {}", words(&end));
    }
}

#[test]
fn recursion_ends_at_the_stack_limit() {
    for name in ["recurse", "recurse_locals", "recurse_log", "recurse_call"] {
        let end = end_of(name);
        assert_eq!(end.fault(), STACK, "{name}");
        assert!(end.usage.cpu_ns < 500 * MS, "{name}");
    }
}

#[test]
fn growth_beyond_the_budget_answers_minus_one() {
    for (name, limit) in [("grow_memory", 4), ("grow_touch", 4), ("grow_memory", 256)] {
        let limits = Limits {
            memory_bytes: limit * MIB,
            ..Limits::default()
        };
        let end = end_within(name, limits);
        assert!(end.done().starts_with(b"{"), "{name}");
        assert_eq!(end.usage.memory_peak_bytes, limit * MIB, "{name}");
    }
}

#[test]
fn a_trap_after_refused_growth_is_memory_exceeded() {
    let end = end_of("grow_memory_trap");
    assert_eq!(end.fault(), MEMORY);
    assert_eq!(end.usage.memory_peak_bytes, 64 * MIB);
    assert_eq!(end_of("alloc_exhausted").fault(), MEMORY);
}

#[test]
fn a_memory_that_does_not_fit_at_all_is_memory_exceeded() {
    let with = |memory_bytes| Limits {
        memory_bytes,
        ..Limits::default()
    };
    assert_eq!(end_within("hello", with(2 * 65536 - 1)).fault(), MEMORY);
    assert!(!end_within("hello", with(2 * 65536)).done().is_empty());
}

#[test]
fn tables_count_against_elements_and_memory() {
    let with = |table_elements, memory_bytes| Limits {
        table_elements,
        memory_bytes,
        ..Limits::default()
    };
    let end = end_within("grow_table", with(10_000, 64 * MIB));
    assert!(end.done().starts_with(b"{"));
    assert_eq!(end.usage.memory_peak_bytes, 2 * 65536 + 9001 * 8);
    let end = end_within("grow_table", with(100_000, 64 * MIB));
    assert_eq!(end.usage.memory_peak_bytes, 2 * 65536 + 99_001 * 8);
    // The bytes of 2,001 elements fit, those of 3,001 do not.
    let end = end_within("grow_table", with(100_000, 2 * 65536 + 3000 * 8));
    assert_eq!(end.usage.memory_peak_bytes, 2 * 65536 + 2001 * 8);

    assert_eq!(end_within("trap_table", with(0, 64 * MIB)).fault(), MEMORY);
    assert_eq!(end_within("trap_table", with(1, 64 * MIB)).fault(), TRAP);
}

#[test]
fn hostile_allocs_are_judged() {
    for name in ["alloc_zero", "alloc_outside", "alloc_edge", "alloc_wrap"] {
        assert_eq!(end_of(name).fault(), BAD_ALLOC, "{name}");
    }
    for name in ["alloc_odd", "alloc_last"] {
        assert!(end_of(name).done().starts_with(b"{"), "{name}");
    }
    assert_eq!(end_of("alloc_same").done(), REQUEST);
}

#[test]
fn hostile_responses_are_judged() {
    for name in [
        "response_outside",
        "response_edge",
        "response_wraps",
        "response_huge",
    ] {
        assert_eq!(end_of(name).fault(), BAD_RESPONSE, "{name}");
    }
    assert_eq!(end_of("response_last").done(), b"\0");
}

#[test]
fn a_response_is_judged_by_its_size_before_it_is_copied() {
    const MAX: usize = 12 << 20;
    let engine = Engine::worker(1);
    for (len, fits) in [(MAX - 1, true), (MAX, true), (MAX + 1, false)] {
        let text = format!(
            r#"(module (memory (export "memory") 256)
                (func (export "alloc") (param i32) (result i32) (i32.const 8))
                (func (export "handler") (param i32 i32 i32) (result i32)
                    (i32.store (local.get 2) (i32.const 100))
                    (i32.store offset=4 (local.get 2) (i32.const {len}))
                    (i32.const 0)))"#
        );
        let end = engine
            .load_wasm(&wasm(&text))
            .run(REQUEST, Limits::default());
        match fits {
            true => assert_eq!(end.done().len(), len),
            false => assert_eq!(end.fault(), BAD_RESPONSE),
        }
    }
}

#[test]
fn a_value_other_than_zero_is_passed_on() {
    let end = end_of("returns_7");
    assert_eq!(end.fault(), GUEST);
    assert!(matches!(end.event, Event::Fault { value: 7, .. }));
}

#[test]
fn specs_outside_their_range_are_refused() {
    let engine = Engine::worker(2);
    let hello = engine.load_guest("hello");
    let with = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        hello.try_start(b"{}", limits).err()
    };
    assert_eq!(with(|limits| limits.cpu_ns = 0), Some(Code::BadArgument));
    assert_eq!(with(|limits| limits.cpu_ns = 1), None);
    assert_eq!(
        with(|limits| limits.memory_bytes = 0),
        Some(Code::BadArgument)
    );
    assert_eq!(with(|limits| limits.memory_bytes = 256 * MIB), None);
    assert_eq!(
        with(|limits| limits.memory_bytes = 256 * MIB + 1),
        Some(Code::BadArgument)
    );
    assert_eq!(with(|limits| limits.table_elements = 100_000), None);
    assert_eq!(
        with(|limits| limits.table_elements = 100_001),
        Some(Code::BadArgument)
    );
    let start = |len: usize| hello.try_start(&vec![b' '; len], Limits::default()).err();
    assert_eq!(start(0), Some(Code::BadArgument));
    assert_eq!(start(1), None);
    assert_eq!(start(12 << 20), None);
    assert_eq!(start((12 << 20) + 1), Some(Code::TooBig));
}

#[test]
fn slots_are_counted_and_come_back() {
    let engine = Engine::worker(3);
    let guest = engine.load_guest("relay_call");
    let mut alive: Vec<Exec> = (0..3).map(|_| guest.start(REQUEST)).collect();
    let full = || guest.try_start(REQUEST, Limits::default()).err();
    assert_eq!(full(), Some(Code::NoSlot));
    assert_eq!((engine.executions(), guest.executions()), (3, 3));

    alive.pop(); // never polled
    assert_eq!(full(), None);
    // Over, but not freed yet: its slot is free already.
    let first = &mut alive[0];
    let (id, _) = first.call();
    assert_eq!(first.answer(id, 10, b""), Code::Ok);
    assert!(matches!(first.next(), Event::Fault { value: 10, .. }));
    alive.push(guest.start(REQUEST));
    alive.push(guest.start(REQUEST));
    assert_eq!(full(), Some(Code::NoSlot));
}

#[test]
fn log_lines_come_with_the_next_event() {
    let end = end_of("logs");
    let lines: Vec<(u32, &[u8])> = end
        .logs
        .iter()
        .map(|(level, text)| (*level, &text[..]))
        .collect();
    assert_eq!(lines, [(1, &b"info"[..]), (2, b"warn"), (3, b"error")]);
}

#[test]
fn a_log_flood_is_cut_and_counted() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("log_flood");
    let flood = |len: usize| {
        let limits = Limits {
            cpu_ns: 10_000 * MS,
            ..Limits::default()
        };
        let end = guest.run(&vec![b'x'; len], limits);
        assert!(end.done().starts_with(b"{"));
        assert_eq!(end.logs.len() as u32 + end.usage.logs_dropped, 1_000_000);
        end.logs
            .iter()
            .map(|(_, text)| text.len())
            .collect::<Vec<_>>()
    };
    assert_eq!(flood(1), [1; 200]);
    assert_eq!(flood(327), [327; 200]);
    assert_eq!(flood(328), [328; 199]);
    assert_eq!(flood(4095), [4095; 16]);
    assert_eq!(flood(4096), [4096; 16]);
    assert_eq!(flood(4097), [4096; 16]);
    assert_eq!(flood(65536), [4096; 16]);
}

#[test]
fn every_pointer_is_judged_at_the_edges() {
    // (pointer, length, inside) of a memory of two pages.
    let size: u32 = 2 * 65536;
    let spans = [
        (0, 0, true),
        (0, size - 1, true),
        (0, size, true),
        (0, size + 1, false),
        (0, u32::MAX, false),
        (1, size - 1, true),
        (1, size, false),
        (1, u32::MAX, false),
        (size - 8, 8, true),
        (size - 8, 9, false),
        (size - 1, 1, true),
        (size - 1, 2, false),
        (size, 0, true),
        (size, 1, false),
        (size + 1, 0, false),
        (u32::MAX, 0, false),
        (u32::MAX, 1, false),
        (u32::MAX, 2, false),
        (u32::MAX, u32::MAX, false),
        (0x8000_0000, 0x8000_0000, false),
        (0x7fff_ffff, 1, false),
    ];
    let engine = Engine::worker(1);

    for name in ["log_info", "log_warn", "log_error"] {
        for (ptr, len, inside) in spans {
            let end = probe(&engine, name, "", &format!("{ptr}"), &format!("{len}"), "");
            assert!(end.done().is_empty());
            let logged = (end.logs.len(), end.usage.logs_dropped);
            let expected = if inside { (1, 0) } else { (0, 1) };
            assert_eq!(logged, expected, "{name} {ptr} {len}");
        }
    }
    for name in ["http_fetch", "http.fetch", "host_call"] {
        let result = "(result i32)";
        for (ptr, len, inside) in spans {
            let at = (format!("{ptr}"), format!("{len}"));
            let end = probe(&engine, name, result, &at.0, &at.1, "(i32.const 64)");
            let expected = if inside { 1 } else { 0 };
            assert_eq!(end.usage.calls, expected, "{name} {ptr} {len}");
            if !inside {
                assert!(matches!(end.event, Event::Fault { value: 1, .. }));
            }
        }
        for (out, inside) in [
            (0, true),
            (size - 9, true),
            (size - 8, true),
            (size - 7, false),
            (size, false),
            (u32::MAX - 7, false),
            (u32::MAX, false),
        ] {
            let out_text = format!("(i32.const {out})");
            let end = probe(&engine, name, result, "16", "2", &out_text);
            let expected = if inside { 1 } else { 0 };
            assert_eq!(end.usage.calls, expected, "{name} out {out}");
            if !inside {
                assert!(matches!(end.event, Event::Fault { value: 1, .. }));
            }
        }
    }
}

/// Calls one import with these arguments; returns what it returns, or 0. Calls are answered 0.
fn probe(engine: &Engine, name: &str, result: &str, ptr: &str, len: &str, out: &str) -> End {
    let params = if result.is_empty() {
        "i32 i32"
    } else {
        "i32 i32 i32"
    };
    let otherwise = if result.is_empty() {
        "(i32.const 0)"
    } else {
        ""
    };
    let text = format!(
        r#"(module (import "alga" "{name}" (func $f (param {params}) {result}))
            (memory (export "memory") 2)
            (func (export "alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "handler") (param i32 i32 i32) (result i32)
                (call $f (i32.const {ptr}) (i32.const {len}) {out})
                {otherwise}))"#
    );
    let guest = engine.load_wasm(&wasm(&text));
    guest.start(b"{}").finish_with(|_| (0, b"ok".to_vec()))
}

#[test]
fn memory_goes_back_to_the_system() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = status.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    };
    let engine = Engine::worker(4);
    let guest = engine.load_guest("grow_touch");
    let limits = Limits {
        memory_bytes: 128 * MIB,
        ..Limits::default()
    };
    guest.run(REQUEST, limits);
    let before = resident();
    for _ in 0..10 {
        assert!(guest.run(REQUEST, limits).done().starts_with(b"{"));
    }
    let after = resident();
    assert!(
        after < before + 64 * MIB,
        "{before} bytes before, {after} after"
    );
}
