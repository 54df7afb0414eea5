// SPDX-License-Identifier: Apache-2.0
//! Who ends a slice? A second thread that moves the epoch every millisecond, and sleeps for good
//! while nothing runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

const TICK: Duration = Duration::from_millis(1);
/// Ticks without any poll after which the thread falls asleep. Waking it costs a system call, so
/// it outlasts the gaps of ordinary traffic.
const TICKS_TO_SLEEP: u32 = 50;

#[derive(Default)]
struct State {
    /// Counts polls. Odd while one runs.
    polls: AtomicU64,
    asleep: AtomicBool,
    stop: AtomicBool,
    ticks: AtomicU64,
}

pub struct Ticker {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Fails when the system refuses a thread.
    pub fn start(engine: Engine) -> std::io::Result<Ticker> {
        let state = Arc::new(State::default());
        let theirs = Arc::clone(&state);
        let signals = BlockedSignals::new();
        let thread = std::thread::Builder::new()
            .name("ticker".into())
            .stack_size(64 << 10)
            .spawn(move || tick(&engine, &theirs));
        drop(signals);
        Ok(Ticker {
            state,
            thread: Some(thread?),
        })
    }

    /// Says that a guest runs until the answer is dropped. Cheap unless the ticker sleeps.
    pub fn running(&self) -> Running<'_> {
        // Sequentially consistent on both sides: either we see it asleep, or it sees this poll.
        self.state.polls.fetch_add(1, Ordering::SeqCst);
        if self.state.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
        Running(&self.state)
    }

    pub fn ticks(&self) -> u64 {
        self.state.ticks.load(Ordering::Relaxed)
    }

    #[cold]
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic in it would have aborted the process
        }
    }
}

pub struct Running<'a>(&'a State);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.polls.fetch_add(1, Ordering::SeqCst);
    }
}

fn tick(engine: &Engine, state: &State) {
    let mut seen = 0;
    let mut idle = 0;

    while !state.stop.load(Ordering::SeqCst) {
        std::thread::sleep(TICK);
        engine.increment_epoch();
        state.ticks.fetch_add(1, Ordering::Relaxed);

        let polls = state.polls.load(Ordering::SeqCst);
        let running = polls % 2 == 1;
        if running || polls != seen {
            seen = polls;
            idle = 0;
            continue;
        }
        idle += 1;
        if idle < TICKS_TO_SLEEP {
            continue;
        }
        idle = 0;
        state.asleep.store(true, Ordering::SeqCst);
        while state.polls.load(Ordering::SeqCst) == seen && !state.stop.load(Ordering::SeqCst) {
            std::thread::park();
        }
        state.asleep.store(false, Ordering::SeqCst);
    }
}

/// Every signal is blocked for the calling thread while this lives, hence for threads it starts:
/// the process's own signals are for its loop.
struct BlockedSignals(libc::sigset_t);

impl BlockedSignals {
    fn new() -> BlockedSignals {
        // SAFETY: both sets are plain data, initialised by the calls that get them.
        unsafe {
            let mut all = std::mem::zeroed();
            let mut old = std::mem::zeroed();
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
            BlockedSignals(old)
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: the set was filled by pthread_sigmask.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut());
        }
    }
}
