// SPDX-License-Identifier: Apache-2.0
//! How does one execution run? As a future that nobody wakes: it is polled when it is its turn, and
//! it ends by its response, by its fault, or by being dropped.
//!
//! ```text
//! new ──▶ RUN ──▶ YIELD ──poll──▶ RUN ...
//!          ├────▶ CALL ──answer, poll──▶ RUN ...   (polled before the answer: IDLE)
//!          ├────▶ DONE
//!          └────▶ FAULT
//! ```

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wasmtime::{Error, Result, Store, Trap};

use crate::config::MESSAGE_MAX;
use crate::engine::{Engine, Module, Slot};
use crate::host::{self, Call, Desk, Guest, Room, Target};
use crate::limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FaultCode {
    Trap = 1,
    Stack = 2,
    Memory = 3,
    Cpu = 4,
    Guest = 5,
    BadAlloc = 6,
    BadResponse = 7,
    Resources = 8,
}

pub struct Fault {
    pub code: FaultCode,
    pub guest_value: i32,
    pub words: String,
}

pub enum Event {
    Yield,
    Call(Target),
    Idle,
    Done,
    Fault,
}

pub struct Spec<'a> {
    pub request: &'a [u8],
    pub cpu_ns: u64,
    pub memory_bytes: u64,
    pub table_elements: u32,
}

type End = std::result::Result<Vec<u8>, Fault>;

pub struct Exec {
    engine: Arc<Engine>,
    pub desk: Arc<Desk>,
    run: Option<Pin<Box<dyn Future<Output = End> + Send>>>,
    end: Option<End>,
    cpu_ns: u64,
    cpu_budget_ns: u64,
}

pub enum NewError {
    NoSlot,
    NoMemory,
}

impl Exec {
    pub fn new(module: &Arc<Module>, spec: &Spec<'_>) -> std::result::Result<Exec, NewError> {
        let slot = module.engine.slot().ok_or(NewError::NoSlot)?;
        let memory = limits::Memory::new(spec.memory_bytes, spec.table_elements);
        let desk = Arc::new(Desk::new(memory));
        let guest = Guest::new(Arc::clone(&desk), module.exports);
        let mut store =
            Store::try_new(&module.engine.wasmtime, guest).map_err(|_| NewError::NoMemory)?;

        store.limiter(|guest| guest);
        store.epoch_deadline_async_yield_and_update(1);
        let run = run(slot, Arc::clone(module), store, spec.request.to_vec());
        Ok(Exec {
            engine: Arc::clone(&module.engine),
            desk,
            run: Some(Box::pin(run)),
            end: None,
            cpu_ns: 0,
            cpu_budget_ns: spec.cpu_ns,
        })
    }

    /// Runs one slice. Nothing when it is over already.
    pub fn poll(&mut self) -> Option<Event> {
        let run = self.run.as_mut()?;
        if matches!(self.desk.lock().call, Call::Open(_)) {
            return Some(Event::Idle);
        }

        let before = thread_cpu_ns();
        let polled = {
            let _running = self.engine.ticker().map(|ticker| ticker.running());
            run.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
        let event = match polled {
            Poll::Ready(end) => self.finish(end),
            Poll::Pending => {
                let spent = self.cpu_ns + (thread_cpu_ns() - before);
                if spent < self.cpu_budget_ns {
                    self.cpu_ns = spent;
                    return Some(self.waiting());
                }
                self.finish(Err(Fault {
                    code: FaultCode::Cpu,
                    guest_value: 0,
                    words: "its processor time is spent".into(),
                }))
            }
        };
        // Only now: giving everything back is part of what it cost.
        self.cpu_ns += thread_cpu_ns() - before;
        Some(event)
    }

    /// Gives back slot, memory and stacks; dropping the future unwinds the guest if need be.
    fn finish(&mut self, end: End) -> Event {
        self.run = None;
        let event = match end {
            Ok(_) => Event::Done,
            Err(_) => Event::Fault,
        };
        self.desk.lock().call = Call::None;
        self.end = Some(end);
        event
    }

    fn waiting(&mut self) -> Event {
        let mut inner = self.desk.lock();
        match std::mem::replace(&mut inner.call, Call::None) {
            Call::Made(target, payload) => {
                inner.calls = inner.calls.saturating_add(1);
                inner.call = Call::Open(payload);
                Event::Call(target)
            }
            other => {
                inner.call = other;
                Event::Yield
            }
        }
    }

    /// Whether there was such an open call.
    pub fn answer(&mut self, id: u64, answer: std::result::Result<&[u8], u32>) -> bool {
        let mut inner = self.desk.lock();
        if self.run.is_none() || id != inner.calls.into() || !matches!(inner.call, Call::Open(_)) {
            return false;
        }
        inner.call = Call::Answered(match answer {
            Ok(payload) if payload.len() > MESSAGE_MAX => Err(host::TOO_LARGE),
            Ok(payload) => Ok(payload.into()),
            Err(number) => Err(number),
        });
        true
    }

    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    pub fn cpu_ns(&self) -> u64 {
        self.cpu_ns
    }
}

/// From an empty store to the response. Parameters are dropped last to first: the slot is free when
/// the store is gone.
async fn run(slot: Slot, module: Arc<Module>, mut store: Store<Guest>, request: Vec<u8>) -> End {
    let _slot = slot;
    let desk = Arc::clone(&store.data().desk);

    // The start function runs inside instantiation, so this comes first.
    store.set_epoch_deadline(1);
    match serve(&module, &mut store, &request).await {
        Ok(end) => end,
        Err(error) => Err(fault(&error, &desk)),
    }
}

async fn serve(module: &Module, store: &mut Store<Guest>, request: &[u8]) -> Result<End> {
    let instance = module.pre.instantiate_async(&mut *store).await?;
    let exports = &module.exports;
    let memory = host::memory_export(instance.get_module_export(&mut *store, &exports.memory));
    let alloc = host::func_export(instance.get_module_export(&mut *store, &exports.alloc));
    let alloc = alloc.typed::<u32, u32>(&*store)?;
    let handler = host::func_export(instance.get_module_export(&mut *store, &exports.handler));
    let handler = handler.typed::<(u32, u32, u32), i32>(&*store)?;

    let len = request.len() as u32; // at most MESSAGE_MAX: judged when it came in
    let mut places = [0; 2];
    for (place, size) in places.iter_mut().zip([len, 8]) {
        *place = match host::alloc(&mut *store, memory, &alloc, size).await? {
            Room::At(ptr) => ptr,
            Room::Refused => return Ok(Err(bad_alloc(store, size, "0"))),
            Room::Outside => return Ok(Err(bad_alloc(store, size, "a place outside its memory"))),
        };
    }
    let [ptr, out] = places;
    // The slot first: a guest that gave both the same place still sees its request.
    write(store, memory, out, &[0; 8]);
    write(store, memory, ptr, request);

    let value = handler.call_async(&mut *store, (ptr, len, out)).await?;
    if value != 0 {
        return Ok(Err(Fault {
            code: FaultCode::Guest,
            guest_value: value,
            words: format!("its handler returned {value}"),
        }));
    }
    Ok(response(memory.data(&*store), out))
}

fn write(store: &mut Store<Guest>, memory: wasmtime::Memory, ptr: u32, bytes: &[u8]) {
    let data = memory.data_mut(store);
    let at = host::place(data.len(), ptr, bytes.len() as u32)
        .expect("it was inside, and memory never shrinks");
    data[at].copy_from_slice(bytes);
}

fn response(data: &[u8], out: u32) -> End {
    let bad = |words: String| {
        Err(Fault {
            code: FaultCode::BadResponse,
            guest_value: 0,
            words,
        })
    };
    let slot = host::place(data.len(), out, 8).expect("it was inside, and memory never shrinks");
    let word = |at: usize| {
        let bytes = data[slot.start + at..slot.start + at + 4].try_into();
        u32::from_le_bytes(bytes.expect("four bytes"))
    };
    let (ptr, len) = (word(0), word(4));
    if len as usize > MESSAGE_MAX {
        return bad(format!("its response of {len} bytes is too large"));
    }
    match host::place(data.len(), ptr, len) {
        Some(at) => Ok(data[at].to_vec()),
        None => bad(format!(
            "its response, {len} bytes at {ptr}, lies outside its memory"
        )),
    }
}

fn bad_alloc(store: &Store<Guest>, size: u32, answered: &str) -> Fault {
    let refused = store.data().desk.lock().memory.refused();
    Fault {
        code: if refused {
            FaultCode::Memory
        } else {
            FaultCode::BadAlloc
        },
        guest_value: 0,
        words: format!("its alloc answered {answered} for {size} bytes"),
    }
}

fn fault(error: &Error, desk: &Desk) -> Fault {
    let trap = error.downcast_ref::<Trap>();
    let code = match trap {
        Some(Trap::StackOverflow) => FaultCode::Stack,
        _ if desk.lock().memory.refused() => FaultCode::Memory,
        Some(_) => FaultCode::Trap,
        None => FaultCode::Resources,
    };
    let words = match trap {
        Some(trap) => trap.to_string(),
        None => format!("{error:#}"),
    };
    Fault {
        code,
        guest_value: 0,
        words,
    }
}

fn thread_cpu_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is ours; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
