// SPDX-License-Identifier: Apache-2.0
//! How do the tests drive the engine? As C does: through the exported functions alone, with code in
//! a sealed memfd that is mapped readable and executable.
#![allow(dead_code, reason = "each test program uses its part")]

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use annex_engine::engine::Module;
pub use annex_engine::ffi::*;

pub const MIB: u64 = 1 << 20;
pub const MS: u64 = 1_000_000;

/// A guest of tests/guests/wat as wasm.
pub fn guest(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/wat");
    wat::parse_file(format!("{folder}/{name}.wat")).unwrap_or_else(|error| panic!("{error}"))
}

pub fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub struct Engine(pub *mut EngineHandle);

impl Engine {
    pub fn builder() -> Engine {
        Engine::new(BUILDER, 0)
    }

    pub fn worker(max_executions: u32) -> Engine {
        Engine::new(WORKER, max_executions)
    }

    fn new(role: u32, max_executions: u32) -> Engine {
        let options = Options {
            role,
            max_executions,
        };
        let mut engine = ptr::null_mut();
        let mut why = Why::default();
        let code = unsafe { ax_engine_new(&options, &mut engine, why.to(), why.cap()) };
        assert_eq!(code, Code::Ok, "{}", why.text());
        Engine(engine)
    }

    pub fn inspect(&self, kind: u32, wasm: &[u8]) -> Result<ModuleReport, (Code, String)> {
        let mut report = ModuleReport::default();
        let mut why = Why::default();
        let (data, len) = (wasm.as_ptr().cast(), wasm.len());
        let code = unsafe {
            ax_engine_inspect(
                self.handle(),
                kind,
                data,
                len,
                &mut report,
                why.to(),
                why.cap(),
            )
        };
        match code {
            Code::Ok => Ok(report),
            code => Err((code, why.text())),
        }
    }

    pub fn compile(&self, kind: u32, wasm: &[u8]) -> Result<Vec<u8>, (Code, String)> {
        let mut made = ptr::null_mut();
        let mut why = Why::default();
        let (data, len) = (wasm.as_ptr().cast(), wasm.len());
        let code = unsafe {
            ax_engine_compile(
                self.handle(),
                kind,
                data,
                len,
                &mut made,
                why.to(),
                why.cap(),
            )
        };
        if code != Code::Ok {
            return Err((code, why.text()));
        }
        let bytes = unsafe {
            let data = ax_bytes_data(&*made).cast::<u8>();
            std::slice::from_raw_parts(data, ax_bytes_len(&*made)).to_vec()
        };
        unsafe { ax_bytes_free(made) };
        Ok(bytes)
    }

    pub fn load(&self, code: &[u8]) -> Result<Loaded, (Code, String)> {
        let mapping = Mapping::new(code);
        let mut module = ptr::null();
        let mut why = Why::default();
        let code = unsafe {
            ax_module_load(
                self.handle(),
                CORE,
                mapping.at,
                mapping.len,
                &mut module,
                why.to(),
                why.cap(),
            )
        };
        match code {
            Code::Ok => Ok(Loaded { module, mapping }),
            code => Err((code, why.text())),
        }
    }

    /// Compiled by a builder of its own, loaded here.
    pub fn load_wasm(&self, wasm: &[u8]) -> Loaded {
        let code = Engine::builder()
            .compile(CORE, wasm)
            .unwrap_or_else(|no| panic!("{no:?}"));
        self.load(&code).unwrap_or_else(|no| panic!("{no:?}"))
    }

    pub fn load_guest(&self, name: &str) -> Loaded {
        self.load_wasm(&guest(name))
    }

    pub fn executions(&self) -> u32 {
        ax_engine_executions(self.handle())
    }

    pub fn ticks(&self) -> u64 {
        ax_engine_ticks(self.handle())
    }

    pub fn digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        ax_engine_digest(self.handle(), &mut digest);
        digest
    }

    pub fn target(&self) -> String {
        text_of(ax_engine_target(self.handle()))
    }

    pub fn handle(&self) -> &EngineHandle {
        unsafe { &*self.0 }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        unsafe { ax_engine_free(self.0) };
    }
}

/// Room for words.
pub struct Why([u8; 400]);

impl Default for Why {
    fn default() -> Why {
        Why([0xff; 400])
    }
}

impl Why {
    pub fn to(&mut self) -> *mut c_char {
        self.0.as_mut_ptr().cast()
    }

    pub fn cap(&self) -> usize {
        self.0.len()
    }

    pub fn text(&self) -> String {
        match CStr::from_bytes_until_nul(&self.0) {
            Ok(text) => text.to_string_lossy().into_owned(),
            Err(_) => String::new(),
        }
    }
}

pub fn text_of(text: *const c_char) -> String {
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

/// Code as a worker has it.
pub struct Mapping {
    pub at: *const c_void,
    pub len: usize,
}

impl Mapping {
    pub fn new(code: &[u8]) -> Mapping {
        unsafe {
            let fd = libc::memfd_create(
                c"code".as_ptr(),
                libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING,
            );
            assert!(fd >= 0);
            assert_eq!(
                libc::write(fd, code.as_ptr().cast(), code.len()),
                code.len() as isize
            );
            let seals =
                libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
            assert_eq!(libc::fcntl(fd, libc::F_ADD_SEALS, seals), 0);
            let at = libc::mmap(
                ptr::null_mut(),
                code.len().max(1),
                libc::PROT_READ | libc::PROT_EXEC,
                libc::MAP_PRIVATE,
                fd,
                0,
            );
            assert_ne!(at, libc::MAP_FAILED);
            libc::close(fd);
            Mapping {
                at,
                len: code.len(),
            }
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        unsafe { libc::munmap(self.at.cast_mut(), self.len.max(1)) };
    }
}

pub struct Loaded {
    pub module: *const Module,
    pub mapping: Mapping,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        unsafe { ax_module_free(self.module) };
    }
}

impl Loaded {
    pub fn executions(&self) -> u32 {
        unsafe { ax_module_executions(self.module) }
    }

    pub fn try_start(&self, request: &[u8], limits: Limits) -> Result<Exec, Code> {
        let spec = ExecSpec {
            request: request.as_ptr().cast(),
            request_len: request.len(),
            cpu_ns: limits.cpu_ns,
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
        };
        let mut exec = ptr::null_mut();
        match unsafe { ax_exec_new(self.module, &spec, &mut exec) } {
            Code::Ok => Ok(Exec(exec)),
            code => Err(code),
        }
    }

    pub fn start(&self, request: &[u8]) -> Exec {
        self.try_start(request, Limits::default()).unwrap()
    }

    /// To its end; host calls are answered with the request itself.
    pub fn run(&self, request: &[u8], limits: Limits) -> End {
        self.try_start(request, limits).unwrap().finish()
    }
}

#[derive(Clone, Copy)]
pub struct Limits {
    pub cpu_ns: u64,
    pub memory_bytes: u64,
    pub table_elements: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            cpu_ns: 1000 * MS,
            memory_bytes: 64 * MIB,
            table_elements: 10_000,
        }
    }
}

pub struct Exec(pub *mut ExecHandle);

impl Drop for Exec {
    fn drop(&mut self) {
        unsafe { ax_exec_free(self.0) };
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Yield,
    Idle,
    Call {
        id: u64,
        interface: String,
        function: String,
        payload: Vec<u8>,
    },
    Done(Vec<u8>),
    Fault {
        code: u32,
        value: i32,
        words: String,
    },
}

/// Level and text of log lines.
pub type Lines = Vec<(u32, Vec<u8>)>;

#[derive(Debug)]
pub struct End {
    pub event: Event,
    pub logs: Lines,
    pub usage: Usage,
    pub yields: usize,
}

impl End {
    pub fn done(&self) -> &[u8] {
        match &self.event {
            Event::Done(bytes) => bytes,
            other => panic!("not done: {other:?}"),
        }
    }

    pub fn fault(&self) -> u32 {
        match &self.event {
            Event::Fault { code, .. } => *code,
            other => panic!("no fault: {other:?}"),
        }
    }
}

impl Exec {
    pub fn poll(&mut self) -> Result<(Event, Lines), Code> {
        let mut event: ExecEvent = unsafe { std::mem::zeroed() };
        match ax_exec_poll(unsafe { &mut *self.0 }, &mut event) {
            Code::Ok => {}
            code => return Err(code),
        }
        let payload = match event.payload_len {
            0 => Vec::new(),
            len => unsafe { std::slice::from_raw_parts(event.payload.cast::<u8>(), len) }.to_vec(),
        };
        let logs = (0..event.logs_count as usize)
            .map(|at| unsafe {
                let line = &*event.logs.add(at);
                let text = std::slice::from_raw_parts(line.data, line.len as usize);
                (line.level as u32, text.to_vec())
            })
            .collect();
        assert_eq!(event.until_ns, u64::MAX);
        let event = match event.kind {
            YIELD => Event::Yield,
            IDLE => Event::Idle,
            DONE => Event::Done(payload),
            CALL => Event::Call {
                id: event.call_id,
                interface: text_of(event.interface),
                function: text_of(event.function),
                payload,
            },
            FAULT => Event::Fault {
                code: event.fault,
                value: event.guest_value,
                words: String::from_utf8(payload).unwrap(),
            },
            kind => panic!("event {kind}"),
        };
        Ok((event, logs))
    }

    /// The first event that is not the end of a slice: a tick can come at any moment.
    pub fn next(&mut self) -> Event {
        loop {
            match self.poll().expect("it goes on until its end").0 {
                Event::Yield => {}
                event => return event,
            }
        }
    }

    /// Runs to its next call: id and payload.
    pub fn call(&mut self) -> (u64, Vec<u8>) {
        match self.next() {
            Event::Call { id, payload, .. } => (id, payload),
            other => panic!("no call: {other:?}"),
        }
    }

    pub fn answer(&mut self, id: u64, error: u32, payload: &[u8]) -> Code {
        let (data, len) = (payload.as_ptr().cast(), payload.len());
        unsafe { ax_exec_answer(&mut *self.0, id, error, data, len) }
    }

    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        ax_exec_usage(unsafe { &*self.0 }, &mut usage);
        usage
    }

    pub fn finish(self) -> End {
        self.finish_with(|payload| (0, payload.to_vec()))
    }

    /// To its end, with `host` answering the calls.
    pub fn finish_with(mut self, mut host: impl FnMut(&[u8]) -> (u32, Vec<u8>)) -> End {
        let mut all = Vec::new();
        let mut yields = 0;
        loop {
            let (event, logs) = self.poll().expect("it goes on until its end");
            all.extend(logs);
            match event {
                Event::Yield => yields += 1,
                Event::Idle => panic!("idle, though every call was answered"),
                Event::Call { id, payload, .. } => {
                    let (error, answer) = host(&payload);
                    assert_eq!(self.answer(id, error, &answer), Code::Ok);
                }
                Event::Done(_) | Event::Fault { .. } => {
                    assert_eq!(self.poll().unwrap_err(), Code::BadState);
                    return End {
                        event,
                        logs: all,
                        usage: self.usage(),
                        yields,
                    };
                }
            }
        }
    }
}
