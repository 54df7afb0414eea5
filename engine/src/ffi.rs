// SPDX-License-Identifier: Apache-2.0
//! The other side of `include/engine.h`: every exported function, in the header's order. What each
//! promises, and which codes it returns, stands there and nowhere else.
#![allow(
    clippy::missing_safety_doc,
    reason = "engine.h is the contract of every function here"
)]

use std::ffi::{CString, c_char, c_void};
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;

use crate::config::{self, Role};
use crate::engine::{Engine, LoadError, Module};
use crate::exec::{Event, Exec, NewError, Spec};
use crate::host::{self, Call, LogLine, Target};
use crate::inspect::{self, Verdict, Why};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    Ok = 0,
    InvalidModule = 1,
    ImportRefused = 2,
    MissingExport = 3,
    TooBig = 4,
    Unsupported = 5,
    BadCode = 6,
    NoSlot = 7,
    NoMemory = 8,
    BadState = 9,
    BadArgument = 10,
    CompileFailed = 11,
}

pub const CORE: u32 = 1;
pub const COMPONENT: u32 = 2;
pub const BUILDER: u32 = 1;
pub const WORKER: u32 = 2;

#[repr(C)]
pub struct Options {
    pub role: u32,
    pub max_executions: u32,
}

#[repr(C)]
#[derive(Debug, Default)]
pub struct ModuleReport {
    pub memory_min_bytes: u64,
    pub memory_max_bytes: u64,
    pub table_elements: u64,
    pub functions: u32,
    pub imports: u32,
    pub has_start: u8,
    pub has_dealloc: u8,
    pub has_calls: u8,
}

#[repr(C)]
pub struct ExecSpec {
    pub request: *const c_void,
    pub request_len: usize,
    pub cpu_ns: u64,
    pub memory_bytes: u64,
    pub table_elements: u32,
}

pub const YIELD: u32 = 1;
pub const CALL: u32 = 2;
pub const IDLE: u32 = 3;
pub const DONE: u32 = 4;
pub const FAULT: u32 = 5;

#[repr(C)]
pub struct ExecEvent {
    pub kind: u32,
    pub fault: u32,
    pub guest_value: i32,
    pub logs_count: u32,
    pub logs: *const LogLine,
    pub call_id: u64,
    pub interface: *const c_char,
    pub function: *const c_char,
    pub payload: *const c_void,
    pub payload_len: usize,
    pub until_ns: u64,
}

#[repr(C)]
#[derive(Debug, Default)]
pub struct Usage {
    pub cpu_ns: u64,
    pub memory_peak_bytes: u64,
    pub calls: u32,
    pub logs_dropped: u32,
}

// The test in C checks the same numbers against the header.
const _: () = assert!(size_of::<Options>() == 8);
const _: () = assert!(size_of::<ModuleReport>() == 40);
const _: () = assert!(size_of::<ExecSpec>() == 40);
const _: () = assert!(size_of::<LogLine>() == 24);
const _: () = assert!(size_of::<ExecEvent>() == 72);
const _: () = assert!(size_of::<Usage>() == 24);

/// What an `ax_engine` is.
pub struct EngineHandle {
    engine: Arc<Engine>,
    target: CString,
}

/// What an `ax_exec` is.
pub struct ExecHandle {
    exec: Exec,
    logs_given: usize,
}

/// Words for people, into the caller's buffer.
struct Words {
    to: *mut c_char,
    cap: usize,
}

impl Words {
    fn say(&self, words: &str) {
        if self.to.is_null() || self.cap == 0 {
            return;
        }
        let len = words.floor_char_boundary(self.cap - 1);
        // SAFETY: the caller gave `cap` writable bytes, and len < cap.
        unsafe {
            std::ptr::copy_nonoverlapping(words.as_ptr(), self.to.cast(), len);
            self.to.add(len).write(0);
        }
    }

    fn no(&self, code: Code, words: &str) -> Code {
        self.say(words);
        code
    }
}

/// # Safety
/// `data` has `len` bytes, or `len` is 0.
unsafe fn bytes<'a>(data: *const c_void, len: usize) -> &'a [u8] {
    match len {
        0 => &[],
        // SAFETY: as above.
        _ => unsafe { slice::from_raw_parts(data.cast(), len) },
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_engine_code_name(code: u32) -> *const c_char {
    const NAMES: [&std::ffi::CStr; 12] = [
        c"ok",
        c"invalid_module",
        c"import_refused",
        c"missing_export",
        c"too_big",
        c"unsupported",
        c"bad_code",
        c"no_slot",
        c"no_memory",
        c"bad_state",
        c"bad_argument",
        c"compile_failed",
    ];
    NAMES.get(code as usize).unwrap_or(&c"unknown").as_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_engine_new(
    options: &Options,
    ret_engine: &mut *mut EngineHandle,
    why: *mut c_char,
    why_cap: usize,
) -> Code {
    let words = Words {
        to: why,
        cap: why_cap,
    };
    let role = match (options.role, options.max_executions) {
        (BUILDER, 0) => Role::Builder,
        (WORKER, max_executions @ 1..=config::EXECUTIONS_MAX) => Role::Worker { max_executions },
        _ => return words.no(Code::BadArgument, "no such role or number of executions"),
    };
    match Engine::new(role) {
        Ok(engine) => {
            let target = CString::new(engine.identity.target.clone()).expect("it has no NUL");
            *ret_engine = Box::into_raw(Box::new(EngineHandle {
                engine: Arc::new(engine),
                target,
            }));
            Code::Ok
        }
        Err(error) => words.no(Code::NoMemory, &format!("{error:#}")),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_engine_free(engine: *mut EngineHandle) {
    if engine.is_null() {
        return;
    }
    // SAFETY: it came from ax_engine_new and is given back once.
    let handle = unsafe { Box::from_raw(engine) };
    assert!(
        Arc::strong_count(&handle.engine) == 1,
        "an engine is freed while modules or executions of it are alive"
    );
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_engine_digest(engine: &EngineHandle, out: &mut [u8; 32]) {
    *out = engine.engine.identity.digest;
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_engine_target(engine: &EngineHandle) -> *const c_char {
    engine.target.as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_engine_ticks(engine: &EngineHandle) -> u64 {
    engine.engine.ticker().map_or(0, |ticker| ticker.ticks())
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_engine_executions(engine: &EngineHandle) -> u32 {
    engine.engine.executions()
}

/// # Safety
/// `wasm` has `wasm_len` bytes.
unsafe fn judge(
    kind: u32,
    wasm: *const c_void,
    wasm_len: usize,
    words: &Words,
) -> Result<inspect::Report, Code> {
    match kind {
        CORE => {}
        COMPONENT => return Err(words.no(Code::Unsupported, "components are not supported yet")),
        _ => return Err(words.no(Code::Unsupported, "no such kind of guest")),
    }
    // SAFETY: as above.
    inspect::inspect(unsafe { bytes(wasm, wasm_len) }).map_err(
        |Verdict {
             why,
             words: because,
         }| {
            let code = match why {
                Why::Invalid => Code::InvalidModule,
                Why::Import => Code::ImportRefused,
                Why::Export => Code::MissingExport,
                Why::TooBig => Code::TooBig,
            };
            words.no(code, &because)
        },
    )
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_engine_inspect(
    _engine: &EngineHandle,
    kind: u32,
    wasm: *const c_void,
    wasm_len: usize,
    ret_report: &mut ModuleReport,
    why: *mut c_char,
    why_cap: usize,
) -> Code {
    let words = Words {
        to: why,
        cap: why_cap,
    };
    // SAFETY: the caller's contract.
    match unsafe { judge(kind, wasm, wasm_len, &words) } {
        Ok(report) => {
            *ret_report = ModuleReport {
                memory_min_bytes: report.memory_min_bytes,
                memory_max_bytes: report.memory_max_bytes.unwrap_or(u64::MAX),
                table_elements: report.table_elements,
                functions: report.functions,
                imports: report.imports,
                has_start: report.has_start.into(),
                has_dealloc: report.has_dealloc.into(),
                has_calls: report.has_calls.into(),
            };
            Code::Ok
        }
        Err(code) => code,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_engine_compile(
    engine: &EngineHandle,
    kind: u32,
    wasm: *const c_void,
    wasm_len: usize,
    ret_code: &mut *mut Vec<u8>,
    why: *mut c_char,
    why_cap: usize,
) -> Code {
    let words = Words {
        to: why,
        cap: why_cap,
    };
    if engine.engine.role != Role::Builder {
        return words.no(Code::Unsupported, "only a builder compiles");
    }
    // SAFETY: the caller's contract.
    if let Err(code) = unsafe { judge(kind, wasm, wasm_len, &words) } {
        return code;
    }
    // SAFETY: the caller's contract.
    let wasm = unsafe { bytes(wasm, wasm_len) };
    match engine.engine.wasmtime.precompile_module(wasm) {
        Ok(code) => {
            *ret_code = Box::into_raw(Box::new(code));
            Code::Ok
        }
        Err(error) => words.no(Code::CompileFailed, &format!("{error:#}")),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_bytes_data(bytes: &Vec<u8>) -> *const c_void {
    bytes.as_ptr().cast()
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_bytes_len(bytes: &Vec<u8>) -> usize {
    bytes.len()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_bytes_free(bytes: *mut Vec<u8>) {
    if !bytes.is_null() {
        // SAFETY: it came from ax_engine_compile and is given back once.
        drop(unsafe { Box::from_raw(bytes) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_module_load(
    engine: &EngineHandle,
    kind: u32,
    map: *const c_void,
    len: usize,
    ret_module: &mut *const Module,
    why: *mut c_char,
    why_cap: usize,
) -> Code {
    let words = Words {
        to: why,
        cap: why_cap,
    };
    if kind != CORE {
        return words.no(Code::Unsupported, "no such kind of guest, or not yet");
    }
    let Some(map) = NonNull::new(map.cast::<u8>().cast_mut()) else {
        return words.no(Code::BadArgument, "no code");
    };
    let map = NonNull::slice_from_raw_parts(map, len);
    // SAFETY: the caller's contract.
    match unsafe { Module::load(&engine.engine, map) } {
        Ok(module) => {
            *ret_module = Arc::into_raw(Arc::new(module));
            Code::Ok
        }
        Err(LoadError::NotAWorker) => words.no(Code::Unsupported, "only a worker loads"),
        Err(LoadError::NotAligned) => words.no(Code::BadArgument, "not page-aligned"),
        Err(LoadError::BadCode(error)) => words.no(Code::BadCode, &format!("{error:#}")),
        Err(LoadError::NoMemory(error)) => words.no(Code::NoMemory, &format!("{error:#}")),
    }
}

/// Borrows what `ax_module_load` gave out.
///
/// # Safety
/// `module` came from there and was not freed.
unsafe fn module_ref(module: *const Module) -> std::mem::ManuallyDrop<Arc<Module>> {
    // SAFETY: as above; the count is not touched.
    std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(module) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_module_executions(module: *const Module) -> u32 {
    // SAFETY: the caller's contract. The other references are those of executions that run.
    let count = Arc::strong_count(&*unsafe { module_ref(module) });
    (count - 1) as u32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_module_free(module: *const Module) {
    if module.is_null() {
        return;
    }
    // SAFETY: it came from ax_module_load and is given back once.
    let module = unsafe { Arc::from_raw(module) };
    assert!(
        Arc::strong_count(&module) == 1,
        "a module is freed while executions of it are alive"
    );
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_exec_new(
    module: *const Module,
    spec: &ExecSpec,
    ret_exec: &mut *mut ExecHandle,
) -> Code {
    if spec.request_len > config::MESSAGE_MAX {
        return Code::TooBig;
    }
    if spec.request_len == 0
        || spec.cpu_ns == 0
        || !(1..=config::MEMORY_MAX).contains(&spec.memory_bytes)
        || spec.table_elements > config::TABLE_MAX
    {
        return Code::BadArgument;
    }
    // SAFETY: the caller's contract.
    let (module, request) = unsafe { (module_ref(module), bytes(spec.request, spec.request_len)) };
    let spec = Spec {
        request,
        cpu_ns: spec.cpu_ns,
        memory_bytes: spec.memory_bytes,
        table_elements: spec.table_elements,
    };
    match Exec::new(&module, &spec) {
        Ok(exec) => {
            *ret_exec = Box::into_raw(Box::new(ExecHandle {
                exec,
                logs_given: 0,
            }));
            Code::Ok
        }
        Err(NewError::NoSlot) => Code::NoSlot,
        Err(NewError::NoMemory) => Code::NoMemory,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_exec_poll(handle: &mut ExecHandle, ret_event: &mut ExecEvent) -> Code {
    let Some(event) = handle.exec.poll() else {
        return Code::BadState;
    };
    *ret_event = ExecEvent {
        kind: match event {
            Event::Yield => YIELD,
            Event::Call(_) => CALL,
            Event::Idle => IDLE,
            Event::Done => DONE,
            Event::Fault => FAULT,
        },
        fault: 0,
        guest_value: 0,
        logs_count: 0,
        logs: std::ptr::null(),
        call_id: 0,
        interface: c"".as_ptr(),
        function: c"".as_ptr(),
        payload: std::ptr::null(),
        payload_len: 0,
        until_ns: u64::MAX,
    };
    let inner = handle.exec.desk.lock();
    let lines = &inner.lines()[handle.logs_given..];
    ret_event.logs = lines.as_ptr();
    ret_event.logs_count = lines.len() as u32;
    handle.logs_given += lines.len();

    let mut payload: &[u8] = &[];
    if let (Event::Call(target), Call::Open(made)) = (&event, &inner.call) {
        ret_event.call_id = inner.calls.into();
        if *target == Target::Fetch {
            ret_event.interface = c"http".as_ptr();
            ret_event.function = c"fetch".as_ptr();
        }
        payload = made;
    }
    match handle.exec.end() {
        Some(Ok(response)) => payload = response,
        Some(Err(fault)) => {
            ret_event.fault = fault.code as u32;
            ret_event.guest_value = fault.guest_value;
            payload = fault.words.as_bytes();
        }
        None => {}
    }
    ret_event.payload = payload.as_ptr().cast();
    ret_event.payload_len = payload.len();
    Code::Ok
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_exec_answer(
    handle: &mut ExecHandle,
    call_id: u64,
    error: u32,
    payload: *const c_void,
    payload_len: usize,
) -> Code {
    let answer = match error {
        // SAFETY: the caller's contract.
        0 => Ok(unsafe { bytes(payload, payload_len) }),
        1..=host::ERROR_MAX => Err(error),
        _ => return Code::BadArgument,
    };
    if handle.exec.answer(call_id, answer) {
        Code::Ok
    } else {
        Code::BadState
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn ax_exec_usage(handle: &ExecHandle, ret_usage: &mut Usage) {
    let inner = handle.exec.desk.lock();
    *ret_usage = Usage {
        cpu_ns: handle.exec.cpu_ns(),
        memory_peak_bytes: inner.memory.used(),
        calls: inner.calls,
        logs_dropped: inner.log.dropped(),
    };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ax_exec_free(handle: *mut ExecHandle) {
    if !handle.is_null() {
        // SAFETY: it came from ax_exec_new and is given back once.
        drop(unsafe { Box::from_raw(handle) });
    }
}
