//! Changes of many messages at once. They are done in steps, before anything else happens to the queue: whoever
//! asks for it later comes behind them all, and nobody waits for more than a few.

use super::{Id, Inner, Queue, State, WINDOW_MEMORY};

/// A change that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sweep {
    /// Finds out anew which messages of groups may go, from one of a group on: the rule of groups changed.
    Regroup(u32, Id),
    /// Removes the messages of a state, from an id on.
    Delete(State, Id),
    /// Makes so many of the dead ready, the oldest first.
    Redrive(usize),
    /// Knows the deduplication ids of messages that are gone again, from one of them on.
    Recall(Id),
}

impl Queue {
    /// Whether a change of many messages is under way.
    pub fn is_sweeping(&self) -> bool {
        self.0.is_sweeping()
    }

    /// The queue as it will be when what is under way is done.
    pub fn swept(&self) -> Queue {
        let mut queue = self.clone();
        queue.finish();
        queue
    }

    fn finish(&mut self) {
        while self.0.sweep() {}
    }

    fn begin(&mut self, sweep: Sweep) {
        self.finish();
        self.0.sweep = Some(sweep);
    }

    /// Begins to find out which messages of groups may go.
    pub(super) fn regroup(&mut self) {
        self.begin(Sweep::Regroup(0, Id::MIN));
    }

    /// Begins to remove all messages of a state; tells how many there are. Their deduplication ids are free again.
    pub fn delete_all(&mut self, state: State) -> usize {
        self.begin(Sweep::Delete(state, Id::MIN));
        self.count(state)
    }

    /// Begins to make up to `count` dead messages ready, the oldest first; tells how many there are.
    pub fn redrive_first(&mut self, count: usize) -> usize {
        let count = count.min(self.count(State::Dead));
        self.begin(Sweep::Redrive(count));
        count
    }

    /// Begins to know the deduplication ids again that are remembered beyond their messages.
    pub(super) fn recall(&mut self) {
        self.begin(Sweep::Recall(Id::MIN));
    }
}

impl Inner {
    pub(super) fn is_sweeping(&self) -> bool {
        self.sweep.is_some() || self.has_excess()
    }

    /// Whether there are more dead messages than the queue keeps.
    fn has_excess(&self) -> bool {
        self.dead.len() as i64 > self.settings.dead_max
    }

    /// Takes a step of what is under way; `false` when nothing is.
    pub(super) fn sweep(&mut self) -> bool {
        let Some(sweep) = self.sweep else {
            let has_excess = self.has_excess();
            if has_excess {
                self.bury_oldest(self.clock_ms);
            }
            return has_excess;
        };
        self.sweep = match sweep {
            Sweep::Regroup(group, id) => self.regroup_one((group, id)),
            Sweep::Delete(state, id) => self.delete_one(state, id),
            Sweep::Redrive(count) => self.redrive_one(count),
            Sweep::Recall(id) => self.recall_one(id),
        };
        true
    }

    fn regroup_one(&mut self, from: (u32, Id)) -> Option<Sweep> {
        let (group, id) = self.groups.waiting.range(from..).next().copied()?;
        if let Some(at) = self.messages.find(id)
            && self.messages.state(at) == State::Ready
        {
            let is_head = self.groups.get(group).head == Some(id);
            self.messages.set_state(at, State::Ready, self.settings.group_max > 0 && !is_head);
        }
        if self.groups.oldest(group) == Some(id) {
            self.refresh(group);
        }
        id.next().map(|next| Sweep::Regroup(group, next))
    }

    fn delete_one(&mut self, state: State, from: Id) -> Option<Sweep> {
        let at = self.messages.iter(from, &[state]).next()?;
        let id = self.messages.id(at);
        self.remove(at, self.clock_ms, true);
        self.totals.deleted += 1;
        Some(Sweep::Delete(state, id))
    }

    fn redrive_one(&mut self, count: usize) -> Option<Sweep> {
        let left = count.checked_sub(1)?;
        let id = self.dead.first().copied()?;
        self.redrive(id);
        Some(Sweep::Redrive(left))
    }

    fn recall_one(&mut self, from: Id) -> Option<Sweep> {
        let (id, name) = self.windows.range(from..).next()?;
        let (id, name) = (*id, name.clone());
        self.text_memory += name.len() + WINDOW_MEMORY;
        self.known.insert(name, id);
        id.next().map(Sweep::Recall)
    }
}
