//! The priority of threads.

use rustix::process::setpriority_process;

/// What a thread in the background yields to those that serve clients: it gets a third of their share while all cores
/// are busy, and any core that is idle.
const NICE: i32 = 5;

/// Lowers the priority of the thread that calls it, until its end. Not for a thread that takes locks which clients
/// wait for long.
pub fn lower() {
    // Of the calling thread, as Linux has it.
    if let Err(error) = setpriority_process(None, NICE) {
        tracing::debug!("a thread in the background keeps its priority: {error}");
    }
}
