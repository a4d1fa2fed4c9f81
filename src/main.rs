//! `synap-server`: everything happens in [`synap::boot`].

#[global_allocator]
static ALLOCATOR: synap::base::heap::Heap = synap::base::heap::Heap;

/// The settings of jemalloc below it, read when it starts: it asks for huge pages, which
/// [`synap::engine::HugePages`] forbids as long as they do not pay; unused pages go back soon.
// SAFETY: this is the symbol and type that jemalloc declares for it, a pointer to a C string.
#[allow(unsafe_code)]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_SETTINGS: &[u8; 47] = b"thp:always,dirty_decay_ms:200,muzzy_decay_ms:0\0";

fn main() -> std::process::ExitCode {
    synap::boot::main(std::env::args_os().skip(1))
}
