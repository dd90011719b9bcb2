//! The most memory that was held at once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator, which remembers the most bytes that were held at once.
#[derive(Debug, Default)]
pub struct PeakAllocator {
    held: AtomicUsize,
    peak: AtomicUsize,
}

impl PeakAllocator {
    /// One that has given nothing yet.
    #[must_use]
    pub const fn new() -> PeakAllocator {
        PeakAllocator { held: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// What `call` returns, and the most bytes that were held during it beyond those held before.
    pub fn measure<T>(&self, call: impl FnOnce() -> T) -> (T, usize) {
        let before = self.held.load(Relaxed);
        self.peak.store(before, Relaxed);
        let value = call();
        (value, self.peak.load(Relaxed).saturating_sub(before))
    }

    fn add(&self, bytes: usize) {
        let held = self.held.fetch_add(bytes, Relaxed) + bytes;
        self.peak.fetch_max(held, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it came; the counting allocates nothing.
unsafe impl GlobalAlloc for PeakAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller keeps `alloc_zeroed`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.held.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new may exist side by side for a moment.
        self.add(size);
        self.held.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps `realloc`'s contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
