//! `synap-server`: everything happens in [`synap::boot`].

#[global_allocator]
static ALLOCATOR: synap::base::heap::Heap = synap::base::heap::Heap;

/// The settings of jemalloc below it, read when it starts: unused pages go back soon, and no huge pages, which would fill its gaps;
/// [`synap::engine::HugePages`] gives them to the slabs.
// SAFETY: this is the symbol and type that jemalloc declares for it, a pointer to a C string.
#[allow(unsafe_code)]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_SETTINGS: &[u8; 46] = b"thp:never,dirty_decay_ms:200,muzzy_decay_ms:0\0";

fn main() -> std::process::ExitCode {
    synap::boot::main(std::env::args_os().skip(1))
}
