use super::classes::{FINE_MAX, SLOT_MAX, STEP};
use super::slabs::Slab;
use super::*;

/// An allocation filled with a byte of its own.
struct Block {
    at: *mut u8,
    layout: Layout,
    byte: u8,
}

// SAFETY: a block is owned.
unsafe impl Send for Block {}

impl Block {
    fn new(size: usize, byte: u8) -> Self {
        let layout = Layout::from_size_align(size, 1 << (size % 4)).unwrap();
        // SAFETY: the layout is not empty, and the allocation as large.
        let at = unsafe { Heap.alloc(layout) };
        assert!(!at.is_null() && at.addr().is_multiple_of(layout.align()));
        unsafe { at.write_bytes(byte, size) };
        Self { at, layout, byte }
    }

    fn check(&self, len: usize) {
        // SAFETY: it is as long, and written.
        let bytes = unsafe { std::slice::from_raw_parts(self.at, len) };
        assert!(bytes.iter().all(|byte| *byte == self.byte), "{:?}", self.layout);
    }

    fn resize(&mut self, size: usize) {
        let len = size.min(self.layout.size());
        // SAFETY: it was allocated with this layout, and is as large as it then says.
        unsafe {
            self.at = Heap.realloc(self.at, self.layout, size);
            self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
            self.check(len);
            self.at.write_bytes(self.byte, size);
        }
    }

    fn free(self) {
        self.check(self.layout.size());
        // SAFETY: it was allocated with this layout, and is not used again.
        unsafe { Heap.dealloc(self.at, self.layout) };
    }
}

#[test]
fn what_a_thread_takes_is_counted_slot_by_slot() {
    let mut blocks: Vec<Option<Block>> = (0..1000).map(|_| None).collect();
    let before = Heap::flow();
    blocks.iter_mut().for_each(|block| *block = Some(Block::new(88, 1)));
    // Not by whole slabs: a limit some KiB above what is in use would be passed by one.
    assert_eq!(Heap::flow() - before, 88_000);
    blocks.into_iter().flatten().for_each(Block::free);
    assert_eq!(Heap::flow(), before);
}

/// Random allocations of all sizes, some handed to another thread to be freed there.
fn churn(seed: u64, other: &std::sync::Mutex<Vec<Block>>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut blocks = Vec::new();
    for step in 0..60_000 {
        match random.u32(..10) {
            0..5 => blocks.push(Block::new(random.usize(1..1200), step as u8)),
            5 if !blocks.is_empty() => {
                let at = random.usize(..blocks.len());
                let block: &mut Block = &mut blocks[at];
                block.resize(random.usize(1..1200));
            }
            6 if !blocks.is_empty() => {
                let block = blocks.swap_remove(random.usize(..blocks.len()));
                other.lock().unwrap().push(block);
            }
            7 => other.lock().unwrap().pop().into_iter().for_each(Block::free),
            _ if !blocks.is_empty() => blocks.swap_remove(random.usize(..blocks.len())).free(),
            _ => {}
        }
        // Slabs fill and run empty.
        if step % 20_000 == 19_999 {
            blocks.drain(..).for_each(Block::free);
        }
    }
    blocks.into_iter().for_each(Block::free);
}

#[test]
fn what_is_allocated_is_nobody_elses() {
    let other = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let other = &other;
            scope.spawn(move || churn(seed, other));
        }
    });
    other.into_inner().unwrap().into_iter().for_each(Block::free);
}

#[test]
fn slots_waste_less_than_a_step() {
    for size in 1..=SLOT_MAX {
        let layout = Layout::from_size_align(size, 4).unwrap();
        assert!(class_of(layout).is_none_or(|class| class * STEP == taken(size)));
        let step = if size <= FINE_MAX { STEP } else { 2 * STEP };
        assert!(taken(size) >= size && taken(size) - size < step, "{size} takes {}", taken(size));
        let layout = Layout::from_size_align(size, 8).unwrap().pad_to_align();
        assert!(class_of(layout).is_none_or(|class| class * STEP == taken(layout.size())));
    }
    assert!(class_of(Layout::from_size_align(88, 8).unwrap()).is_some());
    assert!(class_of(Layout::from_size_align(92, 4).unwrap()).is_some());
    assert!(class_of(Layout::from_size_align(92, 8).unwrap()).is_none());
    assert!(class_of(Layout::from_size_align(96, 8).unwrap()).is_none());
    assert!(class_of(Layout::from_size_align(88, 16).unwrap()).is_none());
}

#[test]
fn emptied_slabs_are_given_back() {
    let mut stripe = Stripe::NEW;
    // SAFETY: the stripe is this test's alone; its slots are given back once each.
    unsafe {
        let taken: Vec<*mut u8> = (0..10_000).map(|_| stripe.take(22, 0)).collect();
        assert!(stripe.unused < SLAB);
        // Every other slot is free: new ones fill the holes, without another slab.
        taken.iter().step_by(2).for_each(|at| stripe.give(*at));
        let unused = stripe.unused;
        assert!(unused >= 5_000 * 88);
        let again: Vec<*mut u8> = (0..5_000).map(|_| stripe.take(22, 0)).collect();
        assert_eq!(stripe.unused, unused - 5_000 * 88);
        taken.iter().skip(1).step_by(2).chain(&again).for_each(|at| stripe.give(*at));
        assert_eq!(stripe.unused, SLAB);
        give_slab(Slab::base(stripe.spare));
    }
}
