//! Counts the calls whose keys no node of a cluster would have together.

use super::Call;
use super::multi::decode;
use crate::command::{Nest, Run};
use crate::engine::{Engine, Session, Slots};

/// The slots of an admitted call, if it is one of those that are looked at; EXEC is all that was queued.
#[inline]
pub(super) fn of(engine: &Engine, session: &Session, call: &Call<'_>) -> Slots {
    if engine.samples_slots() { look(engine, session, call) } else { Slots::Unasked }
}

#[cold]
fn look(engine: &Engine, session: &Session, call: &Call<'_>) -> Slots {
    let mut slots = Slots::None;
    let is_exec = call.entry.is_some_and(|entry| matches!(entry.command.run, Run::Nested(Nest::Exec)));
    let together = match &session.multi {
        Some(queue) if is_exec => {
            let calls = decode(queue);
            (0..calls.len()).all(|i| add(&mut slots, &calls.get(i)))
        }
        _ => add(&mut slots, call),
    };
    if !together {
        engine.count_incompatible();
    }
    slots
}

/// Adds a call's keys; `false` when they are not all in the slot of those before.
pub(super) fn add(slots: &mut Slots, call: &Call<'_>) -> bool {
    slots.add(call.keys.iter().map(|key| key.bytes))
}
