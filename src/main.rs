//! `synap-server`: everything happens in [`synap::boot`].

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The allocator's settings, read when it starts: it asks for huge pages, which
/// [`synap::engine::HugePages`] forbids as long as they do not pay.
// SAFETY: this is the symbol and type that jemalloc declares for it, a pointer to a C string.
#[allow(unsafe_code)]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static ALLOCATOR_SETTINGS: &[u8; 11] = b"thp:always\0";

fn main() -> std::process::ExitCode {
    synap::boot::main(std::env::args_os().skip(1))
}
