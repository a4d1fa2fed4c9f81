//! Ordering groups: which message of a group may be delivered, and how many are in flight.

use super::pages::Pages;
use crate::types::stream::Id;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A group of messages.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: Arc<[u8]>,
    /// Messages of any state, dead ones included.
    members: u32,
    pub(super) ready: u32,
    pub(super) waiting: u32,
    pub(super) in_flight: u32,
    /// The message that may be delivered, where groups order theirs.
    pub(super) head: Option<Id>,
    /// Some are ready, and none may be delivered.
    is_held: bool,
}

impl Group {
    fn is_live(&self) -> bool {
        self.waiting + self.in_flight > 0
    }
}

/// The groups of a queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    by_name: BTreeMap<Arc<[u8]>, u32>,
    groups: Pages<Group>,
    free: Vec<u32>,
    /// Messages that are ready or delayed, by group and age.
    pub(super) waiting: BTreeSet<(u32, Id)>,
    /// Groups with messages that are not dead.
    pub(super) live: usize,
    /// Groups that keep ready messages and have none to deliver.
    pub(super) held: usize,
    /// Bytes of the names.
    names_len: usize,
}

impl Groups {
    /// The number of the group `name`, which has one member more.
    pub(super) fn join(&mut self, name: &[u8]) -> u32 {
        let no = match self.by_name.get(name) {
            Some(no) => *no,
            None => {
                let name: Arc<[u8]> = name.into();
                self.names_len += name.len();
                let group = Group {
                    name: name.clone(),
                    members: 0,
                    ready: 0,
                    waiting: 0,
                    in_flight: 0,
                    head: None,
                    is_held: false,
                };
                let no = match self.free.pop() {
                    Some(no) => {
                        self.groups[no as usize] = group;
                        no
                    }
                    None => {
                        self.groups.push(group);
                        (self.groups.len() - 1) as u32
                    }
                };
                self.by_name.insert(name, no);
                no
            }
        };
        self.groups[no as usize].members += 1;
        no
    }

    /// Notes that a group has a member less; it is gone with the last.
    pub(super) fn leave(&mut self, no: u32) {
        let group = &mut self.groups[no as usize];
        group.members -= 1;
        if group.members == 0 {
            let name = group.name.clone();
            self.names_len -= name.len();
            self.by_name.remove(&name);
            self.free.push(no);
        }
    }

    pub(super) fn get(&self, no: u32) -> &Group {
        &self.groups[no as usize]
    }

    /// Changes a group's counts.
    pub(super) fn change(&mut self, no: u32, f: impl FnOnce(&mut Group)) {
        let group = &mut self.groups[no as usize];
        let was = group.is_live();
        f(group);
        self.live = self.live + usize::from(group.is_live()) - usize::from(was);
    }

    /// Notes which message of a group may be delivered, and whether it keeps all that are ready.
    pub(super) fn set_head(&mut self, no: u32, head: Option<Id>, is_held: bool) {
        let group = &mut self.groups[no as usize];
        group.head = head;
        self.held = self.held + usize::from(is_held) - usize::from(group.is_held);
        group.is_held = is_held;
    }

    /// The oldest message of a group that is neither in flight nor dead.
    pub(super) fn oldest(&self, no: u32) -> Option<Id> {
        self.waiting.range((no, Id::MIN)..=(no, Id::MAX)).next().map(|(_, id)| *id)
    }

    pub(super) fn memory(&self) -> usize {
        self.groups.capacity() * size_of::<Group>()
            + self.by_name.len() * 64
            + self.names_len
            + self.waiting.len() * 40
    }
}
