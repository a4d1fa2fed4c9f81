//! `synap-server`: everything happens in [`synap::boot`].

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    synap::boot::main(std::env::args_os().skip(1))
}
