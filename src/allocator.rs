//! The allocator of the process: jemalloc, which gives memory back a second after a burst, or at once
//! when it is told to.
//!
//! docs/measurements.md has the figures against the system's allocator.

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Free pages go back to the system after a second, by a thread of the allocator's own.
///
/// jemalloc reads this `const char *` when it starts (jemalloc(3), "Tuning"); the name is that of
/// the copy which `tikv-jemalloc-sys` builds.
#[cfg(not(target_env = "msvc"))]
#[allow(
    unsafe_code,
    reason = "a symbol of C: a pointer to a constant text that ends in NUL"
)]
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: &[u8; 60] = b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

/// Gives all free pages back to the system now; whether that was done. Takes milliseconds: not for
/// async threads.
#[cfg(not(target_env = "msvc"))]
#[allow(
    unsafe_code,
    reason = "a call of C: the name is a constant that ends in NUL, and this control reads and writes nothing"
)]
pub(crate) fn purge() -> bool {
    // jemalloc(3), "arena.<i>.purge"; 4096 (MALLCTL_ARENAS_ALL) stands for all arenas.
    let none = std::ptr::null_mut();
    let name = c"arena.4096.purge".as_ptr();
    let error = unsafe { tikv_jemalloc_sys::mallctl(name, none, none.cast(), none, 0) };
    if error != 0 {
        tracing::warn!(error, "the allocator did not give its free pages back");
    }
    error == 0
}

/// Another allocator decides for itself.
#[cfg(target_env = "msvc")]
pub(crate) fn purge() -> bool {
    false
}

#[cfg(all(test, not(target_env = "msvc")))]
mod tests {
    /// Scenario: memory is taken, freed, and asked back.
    /// Guarantees: jemalloc knows the control that the name stands for.
    #[test]
    fn free_pages_are_given_back() {
        drop(std::hint::black_box(vec![1u8; 64 << 20]));
        assert!(super::purge());
    }
}
