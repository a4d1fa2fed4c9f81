//! `synap-migrate`: everything happens in [`synap::migrate`].

fn main() -> std::process::ExitCode {
    synap::migrate::main(std::env::args_os())
}
