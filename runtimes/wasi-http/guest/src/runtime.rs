//! The allocator, the panic handler, and the function through which a host puts lists into a guest's memory.

extern crate alloc;

use alloc::alloc::{alloc as allocate, realloc};
use core::alloc::Layout;
use core::panic::PanicInfo;

use dlmalloc::GlobalDlmalloc;

#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

/// Ends the instance: a host reports the trap, and serves on with another instance.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// `realloc` as the canonical ABI of components has it.
///
/// # Safety
/// `old` is of `old_len` bytes, at `align`, from this function, or `old_len` is 0.
// SAFETY: the canonical ABI reserves the name, and nothing else in a guest has it.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
    if new_len == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    let Ok(layout) = Layout::from_size_align(if old_len == 0 { new_len } else { old_len }, align) else {
        core::arch::wasm32::unreachable()
    };
    // SAFETY: neither size is 0, and `old` is as the caller promises.
    let new = unsafe { if old_len == 0 { allocate(layout) } else { realloc(old, layout, new_len) } };
    if new.is_null() {
        core::arch::wasm32::unreachable()
    }
    new
}
