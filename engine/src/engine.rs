// SPDX-License-Identifier: Apache-2.0
//! What does one process have of us? One engine; in a worker also its ticker, its slots and the
//! modules that are loaded.

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wasmtime::{Error, InstancePre, Linker, Result, format_err};

use crate::code::{self, MappedCode};
use crate::config::{self, Identity, Role};
use crate::host::{self, Exports, Guest};
use crate::ticker::Ticker;

pub struct Engine {
    pub role: Role,
    pub identity: Identity,
    pub wasmtime: wasmtime::Engine,
    code: Arc<MappedCode>,
    worker: Option<Worker>,
}

/// What only a worker has.
struct Worker {
    linker: Linker<Guest>,
    ticker: Ticker,
    slots: u32,
    taken: AtomicU32,
}

impl Engine {
    pub fn new(role: Role) -> Result<Engine> {
        let identity = Identity::new();
        let code = Arc::new(MappedCode::default());
        let wasmtime = wasmtime::Engine::new(&config::config(role, &identity, code.clone())?)?;
        let worker = match role {
            Role::Builder => None,
            Role::Worker { max_executions } => {
                wasmtime::Engine::tls_eager_initialize();
                let mut linker = Linker::new(&wasmtime);
                host::link(&mut linker)?;
                Some(Worker {
                    linker,
                    ticker: Ticker::start(wasmtime.clone())?,
                    slots: max_executions,
                    taken: AtomicU32::new(0),
                })
            }
        };
        Ok(Engine {
            role,
            identity,
            wasmtime,
            code,
            worker,
        })
    }

    pub fn executions(&self) -> u32 {
        match &self.worker {
            Some(worker) => worker.taken.load(Ordering::Relaxed),
            None => 0,
        }
    }

    pub fn ticker(&self) -> Option<&Ticker> {
        self.worker.as_ref().map(|worker| &worker.ticker)
    }

    pub fn slot(self: &Arc<Engine>) -> Option<Slot> {
        let worker = self.worker.as_ref()?;
        worker
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < worker.slots).then_some(taken + 1)
            })
            .ok()?;
        Some(Slot(Arc::clone(self)))
    }
}

/// The right to one execution, given back when dropped.
pub struct Slot(Arc<Engine>);

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(worker) = &self.0.worker {
            worker.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Machine code that is linked and ready to be instantiated.
pub struct Module {
    pub engine: Arc<Engine>,
    pub pre: InstancePre<Guest>,
    pub exports: Exports,
    _mapping: Mapping,
}

/// Declared after `pre` above: forgotten after the code is gone.
struct Mapping {
    code: Arc<MappedCode>,
    range: Range<usize>,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.code.remove(&self.range);
    }
}

pub enum LoadError {
    NotAligned,
    NotAWorker,
    BadCode(Error),
    NoMemory(Error),
}

impl Module {
    /// # Safety
    ///
    /// `map` is readable, executable, never written, holds what the compiler gave out, and outlives
    /// the module.
    pub unsafe fn load(
        engine: &Arc<Engine>,
        map: NonNull<[u8]>,
    ) -> std::result::Result<Module, LoadError> {
        let worker = engine.worker.as_ref().ok_or(LoadError::NotAWorker)?;
        let start = map.cast::<u8>().addr().get();
        if !start.is_multiple_of(code::page_size()) {
            return Err(LoadError::NotAligned);
        }
        let mapping = Mapping {
            code: Arc::clone(&engine.code),
            range: start..start + map.len(),
        };
        mapping.code.add(mapping.range.clone());
        // SAFETY: the caller vouches for the bytes and how long they stay.
        let module = unsafe { wasmtime::Module::deserialize_raw(&engine.wasmtime, map) }
            .map_err(LoadError::BadCode)?;
        // Now and not at the first execution: it makes a memfd.
        module
            .initialize_copy_on_write_image()
            .map_err(LoadError::NoMemory)?;
        let linked = || -> Result<Module> {
            let export = |name| {
                module
                    .get_export_index(name)
                    .ok_or_else(|| format_err!("no export '{name}'"))
            };
            Ok(Module {
                engine: Arc::clone(engine),
                exports: Exports {
                    memory: export("memory")?,
                    alloc: export("alloc")?,
                    handler: export("handler")?,
                },
                pre: worker.linker.instantiate_pre(&module)?,
                _mapping: mapping,
            })
        };
        linked().map_err(LoadError::BadCode)
    }
}
