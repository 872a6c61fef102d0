//! The allocator of the process: jemalloc, which gives memory back a second after a burst.
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
