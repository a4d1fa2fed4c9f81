//! Allocations a call: the hot path may allocate nothing but what it stores. Fails when it does.
//!
//! `cargo bench --bench allocations`
#![allow(unsafe_code)]

#[path = "common/calls.rs"]
mod calls;

use calls::{BATCH, Caller, DATA, engine, key};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let mut caller = Caller::new(&engine());
    let keys: Vec<String> = (0..BATCH).map(key).collect();
    let set: Vec<[&[u8]; 3]> =
        keys.iter().map(|key| [&b"SET"[..], key.as_bytes(), DATA.as_bytes()]).collect();
    let get: Vec<[&[u8]; 2]> = keys.iter().map(|key| [&b"GET"[..], key.as_bytes()]).collect();
    let incr: Vec<[&[u8]; 2]> = vec![[&b"INCR"[..], b"counter"]; BATCH];
    println!("| call | allocations |\n|---|---|");
    let mut worst: f64 = 0.0;
    let mut show = |name: &str, run: &mut dyn FnMut()| {
        run();
        let before = ALLOCATIONS.load(Relaxed);
        (0..1000).for_each(|_| run());
        let each = (ALLOCATIONS.load(Relaxed) - before) as f64 / (1000 * BATCH) as f64;
        println!("| {name} | {each:.3} |");
        worst = worst.max(each);
    };
    show("SET over a value of the same size", &mut || caller.run(&set));
    show("GET", &mut || caller.run(&get));
    show("INCR", &mut || caller.run(&incr));
    // A batch of 32 outgrows its inline room a few times; a call by itself allocates nothing.
    assert!(worst < 1.0, "the hot path allocates");
}
