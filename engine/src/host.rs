// SPDX-License-Identifier: Apache-2.0
//! What may a core@1 guest import? Functions of module `alga`, which copy out of its memory before
//! they look at anything, and write into it last.

use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Instant;

use wasmtime::{
    AsContext, AsContextMut, Caller, Extern, Func, Linker, Memory, ModuleExport, ResourceLimiter,
    Result,
};

use crate::config::{self, MESSAGE_MAX};
use crate::limits::{self, Level, Log};

pub const MODULE: &str = "alga";
pub const LOGS: [(&str, Level); 3] = [
    ("log_info", Level::Info),
    ("log_warn", Level::Warn),
    ("log_error", Level::Error),
];
pub const CALLS: [(&str, Target); 3] = [
    ("http_fetch", Target::Fetch),
    ("http.fetch", Target::Fetch),
    ("host_call", Target::Any),
];

/// Numbers that a guest sees when we refuse its call ourselves.
const INVALID_REQUEST: u32 = 1;
pub const TOO_LARGE: u32 = 7;
const INTERNAL: u32 = 11;
const INSIDE_ALLOC: u32 = 12;
pub const ERROR_MAX: u32 = INSIDE_ALLOC;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Fetch,
    /// The guest's JSON names interface and function.
    Any,
}

/// Where the exports of a module lie, looked up once.
#[derive(Clone, Copy)]
pub struct Exports {
    pub memory: ModuleExport,
    pub alloc: ModuleExport,
    pub handler: ModuleExport,
}

/// A line in the form that C reads.
#[repr(C)]
pub struct LogLine {
    pub data: *const u8,
    pub len: u32,
    pub at_ms: u32,
    pub level: Level,
}

/// Where one execution and whoever polls it meet. Both are on one thread and never at it at the
/// same time; the lock is there because the compiler cannot know.
pub struct Desk {
    started: Instant,
    inner: Mutex<Inner>,
}

pub struct Inner {
    pub memory: limits::Memory,
    pub log: Log,
    pub call: Call,
    /// How many calls were handed out; the last one's id.
    pub calls: u32,
    lines: Vec<LogLine>,
    /// What `lines` point to. Boxes stay where they are.
    texts: Vec<Box<[u8]>>,
}

// SAFETY: the pointers in `lines` lead to `texts`, which moves along.
unsafe impl Send for Inner {}

pub enum Call {
    None,
    /// Made by the guest, not handed out yet.
    Made(Target, Box<[u8]>),
    /// Handed out; the bytes are lent to the caller until the answer.
    Open(Box<[u8]>),
    Answered(std::result::Result<Box<[u8]>, u32>),
}

impl Desk {
    pub fn new(memory: limits::Memory) -> Desk {
        Desk {
            started: Instant::now(),
            inner: Mutex::new(Inner {
                memory,
                log: Log::default(),
                call: Call::None,
                calls: 0,
                lines: Vec::new(),
                texts: Vec::new(),
            }),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("a panic aborts the process")
    }

    fn log(&self, level: Level, line: Option<&[u8]>) {
        let mut inner = self.lock();
        let Some(line) = line else {
            return inner.log.drop_line();
        };
        let Some(kept) = inner.log.admit(line) else {
            return;
        };
        let text: Box<[u8]> = kept.into();
        let line = LogLine {
            data: text.as_ptr(),
            len: text.len() as u32,
            at_ms: u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX),
            level,
        };
        // C holds pointers into this: it is never moved again.
        inner.lines.reserve_exact(Log::LINES);
        inner.lines.push(line);
        inner.texts.push(text);
    }
}

impl Inner {
    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }
}

/// What a store carries.
pub struct Guest {
    pub desk: Arc<Desk>,
    pub exports: Exports,
    inside_alloc: bool,
}

impl Guest {
    pub fn new(desk: Arc<Desk>, exports: Exports) -> Guest {
        Guest {
            desk,
            exports,
            inside_alloc: false,
        }
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, now: usize, then: usize, max: Option<usize>) -> Result<bool> {
        Ok(self.desk.lock().memory.grow_memory(now, then, max))
    }

    fn table_growing(&mut self, now: usize, then: usize, max: Option<usize>) -> Result<bool> {
        Ok(self.desk.lock().memory.grow_table(now, then, max))
    }

    fn instances(&self) -> usize {
        config::INSTANCES as usize
    }

    fn memories(&self) -> usize {
        config::MEMORIES as usize
    }

    fn tables(&self) -> usize {
        config::TABLES as usize
    }
}

pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    for (name, level) in LOGS {
        linker.func_wrap(
            MODULE,
            name,
            move |mut caller: Caller<'_, Guest>, ptr: u32, len: u32| {
                let memory = memory_of(&mut caller);
                let data = memory.data(&caller);
                let line = place(data.len(), ptr, len).map(|at| &data[at]);
                caller.data().desk.log(level, line);
            },
        )?;
    }
    for (name, target) in CALLS {
        linker.func_wrap_async(
            MODULE,
            name,
            move |caller: Caller<'_, Guest>, (ptr, len, out): (u32, u32, u32)| {
                Box::new(call(caller, target, ptr, len, out))
            },
        )?;
    }
    Ok(())
}

/// The bytes at `ptr`, if all of them lie inside a memory of `size` bytes. Every pointer of a guest
/// goes through here.
pub fn place(size: usize, ptr: u32, len: u32) -> Option<Range<usize>> {
    let end = u64::from(ptr) + u64::from(len);
    (end <= size as u64).then_some(ptr as usize..end as usize)
}

/// What the guest's `alloc` answered.
pub enum Room {
    At(u32),
    Refused,
    Outside,
}

/// Calls the guest's `alloc`. It may do anything, also grow the memory: look at memory anew after
/// this. No host call works until it returned.
pub async fn alloc(
    mut store: impl AsContextMut<Data = Guest>,
    memory: Memory,
    alloc: &wasmtime::TypedFunc<u32, u32>,
    len: u32,
) -> Result<Room> {
    store.as_context_mut().data_mut().inside_alloc = true;
    let ptr = alloc.call_async(&mut store, len).await?;
    store.as_context_mut().data_mut().inside_alloc = false;

    Ok(match ptr {
        0 => Room::Refused,
        _ if place(memory.data_size(&store), ptr, len).is_none() => Room::Outside,
        _ => Room::At(ptr),
    })
}

pub fn memory_export(found: Option<Extern>) -> Memory {
    found
        .and_then(Extern::into_memory)
        .expect("a loaded module exports its memory")
}

pub fn func_export(found: Option<Extern>) -> Func {
    found
        .and_then(Extern::into_func)
        .expect("a loaded module exports its functions")
}

fn memory_of(caller: &mut Caller<'_, Guest>) -> Memory {
    let export = caller.data().exports.memory;
    memory_export(caller.get_module_export(&export))
}

async fn call(
    mut caller: Caller<'_, Guest>,
    target: Target,
    ptr: u32,
    len: u32,
    out: u32,
) -> Result<u32> {
    if caller.data().inside_alloc {
        return Ok(INSIDE_ALLOC);
    }
    let memory = memory_of(&mut caller);
    let data = memory.data(&caller);
    let Some(request) = place(data.len(), ptr, len) else {
        return Ok(INVALID_REQUEST);
    };
    // Judged before anything happens outside: an answer that cannot be delivered is not asked for.
    if place(data.len(), out, 8).is_none() {
        return Ok(INVALID_REQUEST);
    }
    if request.len() > MESSAGE_MAX {
        return Ok(TOO_LARGE);
    }
    let request: Box<[u8]> = data[request].into();

    let desk = Arc::clone(&caller.data().desk);
    let answer = answer(&desk, target, request).await;
    // Others ran meanwhile: the slice starts now.
    caller.as_context_mut().set_epoch_deadline(1);
    match answer {
        Ok(answer) => deliver(&mut caller, memory, &answer, out).await,
        Err(number) => Ok(number),
    }
}

async fn answer(
    desk: &Desk,
    target: Target,
    request: Box<[u8]>,
) -> std::result::Result<Box<[u8]>, u32> {
    desk.lock().call = Call::Made(target, request);
    poll_fn(|_| {
        let mut inner = desk.lock();
        match std::mem::replace(&mut inner.call, Call::None) {
            Call::Answered(answer) => Poll::Ready(answer),
            not_yet => {
                inner.call = not_yet;
                Poll::Pending
            }
        }
    })
    .await
}

async fn deliver(
    caller: &mut Caller<'_, Guest>,
    memory: Memory,
    answer: &[u8],
    out: u32,
) -> Result<u32> {
    let mut ptr = 0;

    if !answer.is_empty() {
        let export = caller.data().exports.alloc;
        let func = func_export(caller.get_module_export(&export)).typed(caller.as_context())?;
        ptr = match alloc(caller.as_context_mut(), memory, &func, answer.len() as u32).await? {
            Room::At(ptr) => ptr,
            Room::Refused => return Ok(TOO_LARGE),
            Room::Outside => return Ok(INTERNAL),
        };
    }
    let data = memory.data_mut(caller.as_context_mut());
    let size = data.len();
    let len = answer.len() as u32;
    let (Some(at), Some(slot)) = (place(size, ptr, len), place(size, out, 8)) else {
        return Ok(INTERNAL);
    };
    data[at].copy_from_slice(answer);
    data[slot.clone()][..4].copy_from_slice(&ptr.to_le_bytes());
    data[slot][4..].copy_from_slice(&len.to_le_bytes());
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn pointers_are_judged_in_64_bits() {
        assert_eq!(place(65536, 0, 65536), Some(0..65536));
        assert_eq!(place(65536, 0, 65537), None);
        assert_eq!(place(65536, 65536, 0), Some(65536..65536));
        assert_eq!(place(65536, 65537, 0), None);
        assert_eq!(place(65536, 65528, 8), Some(65528..65536));
        assert_eq!(place(65536, 65529, 8), None);
        assert_eq!(place(65536, u32::MAX, 1), None);
        assert_eq!(place(65536, 1, u32::MAX), None);
        assert_eq!(place(65536, u32::MAX, u32::MAX), None);
    }
}
