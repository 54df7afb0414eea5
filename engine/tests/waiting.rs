// SPDX-License-Identifier: Apache-2.0
//! What happens while guests wait? They cost memory only, are answered in any order, keep their
//! own, and never see a neighbour's.

mod common;
use common::*;

#[test]
fn a_call_says_what_it_is_for() {
    let engine = Engine::worker(1);
    for (name, interface, function) in [
        ("relay_fetch", "http", "fetch"),
        ("relay_fetch_dot", "http", "fetch"),
        ("relay_call", "", ""),
    ] {
        let guest = engine.load_guest(name);
        let mut exec = guest.start(b"{\"url\":\"https://a.test/\"}");
        let call = exec.next();
        assert_eq!(
            call,
            Event::Call {
                id: 1,
                interface: interface.into(),
                function: function.into(),
                payload: b"{\"url\":\"https://a.test/\"}".to_vec(),
            }
        );
        assert_eq!(exec.answer(1, 0, b"{\"status\":204}"), Code::Ok);
        assert_eq!(exec.next(), Event::Done(b"{\"status\":204}".to_vec()));
        assert_eq!(exec.usage().calls, 1);
    }
}

#[test]
fn waiting_is_idle_and_costs_no_processor_time() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("relay_call");
    let mut exec = guest.start(b"{}");
    let (id, _) = exec.call();
    let before = exec.usage().cpu_ns;
    for _ in 0..1000 {
        assert_eq!(exec.poll().unwrap().0, Event::Idle);
    }
    assert_eq!(exec.usage().cpu_ns, before);
    assert_eq!(exec.answer(id, 0, b"x"), Code::Ok);
    assert_eq!(exec.next(), Event::Done(b"x".to_vec()));
}

#[test]
fn errors_reach_the_guest_as_they_are() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("relay_call");
    for error in 1..=12 {
        let end = guest
            .start(b"{}")
            .finish_with(|_| (error, b"ignored".to_vec()));
        assert!(
            matches!(end.event, Event::Fault { code: 5, value, .. } if value == error as i32),
            "{:?}",
            end.event
        );
    }
}

#[test]
fn answers_that_make_no_sense_are_refused() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("relay_twice");
    let mut exec = guest.start(b"{}");
    assert_eq!(exec.answer(0, 0, b"early"), Code::BadState);
    assert_eq!(exec.answer(1, 0, b"early"), Code::BadState);
    let (first, _) = exec.call();
    assert_eq!(exec.answer(first + 1, 0, b"other"), Code::BadState);
    assert_eq!(exec.answer(first, 13, b""), Code::BadArgument);
    assert_eq!(exec.answer(first, u32::MAX, b""), Code::BadArgument);
    assert_eq!(exec.answer(first, 0, b"one"), Code::Ok);
    assert_eq!(exec.answer(first, 0, b"again"), Code::BadState);
    let (second, _) = exec.call();
    assert_eq!((first, second), (1, 2));
    assert_eq!(exec.answer(first, 0, b"late"), Code::BadState);
    assert_eq!(exec.answer(second, 0, b"two"), Code::Ok);
    assert_eq!(exec.next(), Event::Done(b"two".to_vec()));
    assert_eq!(exec.answer(second, 0, b"late"), Code::BadState);
    assert_eq!(exec.poll().unwrap_err(), Code::BadState);
}

#[test]
fn an_answer_without_bytes_needs_no_room() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("late_alloc_trap");
    let end = guest.start(b"{}").finish_with(|_| (0, Vec::new()));
    assert_eq!(end.done(), b"");
}

#[test]
fn an_answer_that_finds_no_room_is_an_error_of_the_guest() {
    let engine = Engine::worker(1);
    for (name, number) in [("late_alloc_zero", 7), ("late_alloc_outside", 11)] {
        let end = engine.load_guest(name).start(b"{}").finish();
        assert!(
            matches!(end.event, Event::Fault { code: 5, value, .. } if value == number),
            "{name}: {:?}",
            end.event
        );
    }
}

#[test]
fn messages_have_a_limit() {
    const MAX: usize = 12 << 20;
    let engine = Engine::worker(1);
    let guest = engine.load_guest("relay_grow");
    for (len, fits) in [(MAX - 1, true), (MAX, true), (MAX + 1, false)] {
        let answer = vec![b'a'; len];
        let end = guest.start(b"{}").finish_with(|_| (0, answer.clone()));
        match fits {
            true => assert_eq!(end.done(), answer),
            false => assert!(matches!(end.event, Event::Fault { value: 7, .. })),
        }
    }
    // The call's own bytes: a guest that calls with that many of its memory.
    for (len, fits) in [(MAX - 1, true), (MAX, true), (MAX + 1, false)] {
        let text = format!(
            r#"(module (import "alga" "host_call" (func $f (param i32 i32 i32) (result i32)))
                (memory (export "memory") 256)
                (func (export "alloc") (param i32) (result i32) (i32.const 1024))
                (func (export "handler") (param i32 i32 i32) (result i32)
                    (call $f (i32.const 0) (i32.const {len}) (i32.const 64))))"#
        );
        let end = engine
            .load_wasm(&wasm(&text))
            .start(b"{}")
            .finish_with(|payload| {
                assert_eq!(payload.len(), len);
                (4, Vec::new())
            });
        let expected = if fits { (4, 1) } else { (7, 0) };
        assert!(
            matches!(end.event, Event::Fault { value, .. } if value == expected.0),
            "{len}"
        );
        assert_eq!(end.usage.calls, expected.1);
    }
}

#[test]
fn memory_that_moves_on_is_looked_at_anew() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("relay_grow");
    let request = vec![b'r'; 200_000];
    let answer = vec![b'a'; 300_000];
    let end = guest.start(&request).finish_with(|payload| {
        assert_eq!(payload, request);
        (0, answer.clone())
    });
    assert_eq!(end.done(), answer);
}

#[test]
fn nobody_calls_from_inside_alloc() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("alloc_calls");
    let end = guest.run(b"{}", Limits::default());
    // Its own call, after the allocs that were told 12, works.
    assert_eq!(end.done(), b"{}");
    assert_eq!(end.usage.calls, 1);
}

#[test]
fn a_start_function_may_call() {
    let engine = Engine::worker(1);
    let guest = engine.load_guest("call_in_start");
    let end = guest
        .start(b"{}")
        .finish_with(|_| (0, b"from start".to_vec()));
    assert_eq!(end.done(), b"from start");
}

#[test]
fn waiting_guests_can_be_dropped_at_any_time() {
    let engine = Engine::worker(16);
    for name in ["relay_call", "relay_twice", "call_in_start", "relay_grow"] {
        let guest = engine.load_guest(name);
        let mut waiting: Vec<Exec> = (0..16).map(|_| guest.start(b"{}")).collect();
        for exec in &mut waiting {
            exec.call();
        }
        assert_eq!((engine.executions(), guest.executions()), (16, 16));
        // Half of them with an answer that nobody takes any more.
        for exec in waiting.iter_mut().step_by(2) {
            assert_eq!(exec.answer(1, 0, b"{}"), Code::Ok);
        }
        drop(waiting);
        assert_eq!((engine.executions(), guest.executions()), (0, 0));
    }
}

#[test]
fn two_thousand_wait_and_each_gets_its_own() {
    const COUNT: usize = 2000;
    let engine = Engine::worker(COUNT as u32);
    let guests = [
        engine.load_guest("relay_call"),
        engine.load_guest("relay_fetch"),
        engine.load_guest("relay_grow"),
    ];
    let nonce = |at: usize| format!("nonce-{at}-{}", at.wrapping_mul(2_654_435_761)).into_bytes();
    let mut waiting = Vec::new();
    for at in 0..COUNT {
        let mut exec = guests[at % 3].start(&nonce(at));
        let (id, payload) = exec.call();
        assert_eq!(payload, nonce(at));
        waiting.push((at, id, exec));
    }
    assert_eq!(engine.executions(), COUNT as u32);

    // An odd order: every 7th of what is left, round and round.
    let mut next = 0;
    while !waiting.is_empty() {
        next = (next + 7) % waiting.len();
        let (at, id, mut exec) = waiting.swap_remove(next);
        let answer = [&b"answer to "[..], &nonce(at)].concat();
        assert_eq!(exec.answer(id, 0, &answer), Code::Ok);
        assert_eq!(exec.next(), Event::Done(answer));
    }
    assert_eq!(engine.executions(), 0);
}

#[test]
fn a_loop_does_not_starve_those_who_wait() {
    let engine = Engine::worker(3);
    let (spins, relays) = (
        engine.load_guest("loop_handler"),
        engine.load_guest("relay_call"),
    );
    let mut spin = spins.start(b"{}");
    let mut relay = relays.start(b"mine");
    let (id, _) = relay.call();
    for _ in 0..5 {
        assert_eq!(spin.poll().unwrap().0, Event::Yield);
    }
    assert_eq!(relay.answer(id, 0, b"yours"), Code::Ok);
    assert_eq!(relay.next(), Event::Done(b"yours".to_vec()));
}

#[test]
fn a_fresh_guest_finds_nothing_of_the_last_one() {
    const ROUNDS: usize = 300;
    let engine = Engine::worker(8);
    let writer = engine.load_guest("canary_write");
    let scanner = engine.load_guest("canary_scan");
    for round in 0..ROUNDS {
        let canary = format!("{round:064}").into_bytes();
        let mut exec = writer.start(&canary);
        let (_, seen) = exec.call();
        assert_eq!(seen, canary, "the canary is really there");
        if round % 2 == 0 {
            drop(exec);
        } else {
            assert_eq!(exec.answer(1, 1, b""), Code::Ok);
            exec.next();
        }
        let end = scanner.run(b"{}", Limits::default());
        assert_eq!(end.done(), b"", "round {round}");
        // The writer's own slot, too: its next execution starts clean as well.
        let end = writer.start(&canary).finish_with(|payload| {
            assert_eq!(payload, canary);
            (0, Vec::new())
        });
        assert_eq!(end.fault(), 7, "the canary lies over its result, too");
    }
}

#[test]
fn the_ticker_sleeps_while_nothing_runs() {
    let engine = Engine::worker(2);
    let guest = engine.load_guest("relay_call");
    let mut exec = guest.start(b"{}");
    let (id, _) = exec.call();
    let still = || {
        let mut last = engine.ticks();
        let mut since = std::time::Instant::now();
        let start = since;
        loop {
            let now = engine.ticks();
            if now != last {
                (last, since) = (now, std::time::Instant::now());
            }
            if since.elapsed().as_millis() > 300 {
                return last;
            }
            assert!(start.elapsed().as_secs() < 10, "it never falls asleep");
            std::thread::yield_now();
        }
    };
    let asleep_at = still();
    // Polling one that waits does not wake it; running does.
    assert_eq!(exec.poll().unwrap().0, Event::Idle);
    assert_eq!(still(), asleep_at);
    assert_eq!(exec.answer(id, 0, b"x"), Code::Ok);
    assert_eq!(exec.next(), Event::Done(b"x".to_vec()));
    let spins = engine.load_guest("loop_handler");
    let mut spin = spins.start(b"{}");
    for _ in 0..3 {
        assert_eq!(spin.poll().unwrap().0, Event::Yield);
    }
    assert!(engine.ticks() > asleep_at);
}

#[test]
fn modules_can_be_loaded_and_freed_again_and_again() {
    let engine = Engine::worker(2);
    let code = Engine::builder().compile(CORE, &guest("echo")).unwrap();
    for round in 0..200 {
        let loaded = engine.load(&code).unwrap();
        let request = format!("round {round}").into_bytes();
        assert_eq!(loaded.run(&request, Limits::default()).done(), request);
    }
}
