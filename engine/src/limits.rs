// SPDX-License-Identifier: Apache-2.0
//! What may one execution have, and what may it say? Memory, tables and log lines are counted
//! here, for all parts of an execution together.

use crate::config;

const TABLE_ELEMENT_BYTES: u64 = 8;

/// Counts every linear memory and table of an execution against one budget.
///
/// A growth that we allow and the system then refuses stays counted: Wasmtime's word about failed
/// growth also comes for growth that we were never asked about, so giving back on it could be
/// played for a budget without end.
pub struct Memory {
    budget: u64,
    used: u64,
    elements_max: u64,
    elements: u64,
    refused: bool,
}

impl Memory {
    pub fn new(budget: u64, elements_max: u32) -> Memory {
        Memory {
            budget,
            used: 0,
            elements_max: elements_max.into(),
            elements: 0,
            refused: false,
        }
    }

    /// Nothing ever shrinks, so this is the peak.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Whether it ever asked for more than its budget. A guest that traps or runs out of room after
    /// that died of it.
    pub fn refused(&self) -> bool {
        self.refused
    }

    /// Whether a memory may grow. `maximum` is what the guest itself declared: beyond it nobody's
    /// budget is to blame.
    pub fn grow_memory(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        if maximum.is_some_and(|max| desired > max) && desired as u64 <= config::MEMORY_MAX {
            return false;
        }
        self.grow((desired - current) as u64, 0)
    }

    pub fn grow_table(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> bool {
        if maximum.is_some_and(|max| desired > max) && desired <= config::TABLE_MAX as usize {
            return false;
        }
        let elements = (desired - current) as u64;
        self.grow(elements.saturating_mul(TABLE_ELEMENT_BYTES), elements)
    }

    fn grow(&mut self, bytes: u64, elements: u64) -> bool {
        let used = self.used.saturating_add(bytes);
        let all_elements = self.elements.saturating_add(elements);

        if used > self.budget || all_elements > self.elements_max {
            self.refused = true;
            return false;
        }
        self.used = used;
        self.elements = all_elements;
        true
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Level {
    Info = 1,
    Warn = 2,
    Error = 3,
}

/// The lines of one execution.
#[derive(Default)]
pub struct Log {
    lines: usize,
    bytes: usize,
    dropped: u32,
}

impl Log {
    pub const LINES: usize = 200;
    const BYTES: usize = 64 << 10;
    const LINE: usize = 4 << 10;

    /// How much of a line may be kept, or nothing at all: then it is counted.
    pub fn admit<'a>(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        let kept = cut(line, Self::LINE);
        if self.lines >= Self::LINES || self.bytes + kept.len() > Self::BYTES {
            self.drop_line();
            return None;
        }
        self.lines += 1;
        self.bytes += kept.len();
        Some(kept)
    }

    pub fn drop_line(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    pub fn dropped(&self) -> u32 {
        self.dropped
    }
}

/// At most `max` bytes, without a UTF-8 character broken by the cut.
fn cut(line: &[u8], max: usize) -> &[u8] {
    if line.len() <= max {
        return line;
    }
    let mut end = max;
    while end > max - 3 && line[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    // Four continuation bytes in a row are no character: cut where we were told to.
    if line[end] & 0xc0 == 0x80 {
        end = max;
    }
    &line[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_counts_memories_and_tables_together() {
        let mut memory = Memory::new(65536 + 80, 10);
        assert!(memory.grow_memory(0, 65536, None));
        assert!(memory.grow_table(0, 9, None));
        assert!(memory.grow_table(9, 10, None));
        assert!(!memory.refused());
        assert!(!memory.grow_table(10, 11, None));
        assert!(memory.refused());
        assert_eq!(memory.used(), 65536 + 80);
    }

    #[test]
    fn a_declared_maximum_is_not_the_budget() {
        let mut memory = Memory::new(65536, 0);
        assert!(!memory.grow_memory(0, 131072, Some(65536)));
        assert!(!memory.refused());
    }

    #[test]
    fn lines_end_at_whole_characters() {
        let mut line = vec![b'a'; 4095];
        line.extend_from_slice("é".as_bytes());
        assert_eq!(cut(&line, 4096).len(), 4095);
        assert_eq!(cut(&line, 4097).len(), 4097);
        assert_eq!(cut(&[0x80; 5000], 4096).len(), 4096);
    }

    #[test]
    fn lines_and_bytes_have_a_limit() {
        let mut log = Log::default();
        for _ in 0..200 {
            assert!(log.admit(b"").is_some());
        }
        assert!(log.admit(b"").is_none());
        assert_eq!(log.dropped(), 1);

        let mut log = Log::default();
        for _ in 0..16 {
            assert!(log.admit(&[b'x'; 5000]).is_some());
        }
        assert!(log.admit(b"x").is_none());
        assert!(log.admit(b"").is_some());
        assert_eq!(log.dropped(), 1);
    }
}
