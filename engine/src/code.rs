// SPDX-License-Identifier: Apache-2.0
//! May this machine code run where it lies? Code arrives readable and executable in a mapping of
//! the caller's; Wasmtime is told that publishing it is our business, and all that is left to do is
//! to see that it publishes nothing but that mapping.

use std::ops::Range;
use std::sync::Mutex;

use wasmtime::{CustomCodeMemory, Result, bail};

#[derive(Default)]
pub struct MappedCode {
    /// Address ranges of the mappings that are loaded or being loaded.
    ranges: Mutex<Vec<Range<usize>>>,
}

impl MappedCode {
    pub fn add(&self, range: Range<usize>) {
        self.lock().push(range);
    }

    pub fn remove(&self, range: &Range<usize>) {
        let mut ranges = self.lock();
        if let Some(at) = ranges.iter().position(|known| known == range) {
            ranges.swap_remove(at);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Range<usize>>> {
        self.ranges.lock().expect("a panic aborts the process")
    }
}

impl CustomCodeMemory for MappedCode {
    fn required_alignment(&self) -> usize {
        page_size()
    }

    fn publish_executable(&self, ptr: *const u8, len: usize) -> Result<()> {
        let start = ptr.addr();
        let inside = |range: &Range<usize>| {
            range.start <= start && start.checked_add(len).is_some_and(|end| end <= range.end)
        };
        if !self.lock().iter().any(inside) {
            bail!("code lies outside every mapping that was loaded");
        }
        Ok(())
    }

    fn unpublish_executable(&self, _ptr: *const u8, _len: usize) -> Result<()> {
        Ok(())
    }
}

pub fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).expect("Linux knows its page size")
}
