//! The names of elements: from a name to its element's number, and back.

use super::super::item::{Item, size_of_first};
use super::super::table::{Key, Place, Record, Table};
use super::pages::Pages;

/// Bytes of the number behind a name.
const NUMBER: usize = 4;

/// A record of the table: the name, and the number of its element.
#[derive(Clone)]
struct Named;

impl Record for Named {
    fn key_at(_: &[u8]) -> usize {
        0
    }

    fn size(bytes: &[u8]) -> usize {
        size_of_first(bytes) + NUMBER
    }
}

fn number_in(record: &[u8]) -> u32 {
    let at = size_of_first(record);
    let mut number = [0; NUMBER];
    number.copy_from_slice(&record[at..at + NUMBER]);
    u32::from_le_bytes(number)
}

/// The names of elements, which are numbered from 0 on. A name is stored once, and found by its number through its hash.
#[derive(Clone)]
pub(super) struct Names {
    table: Table<Named>,
    hashes: Pages<u64>,
}

impl Names {
    pub(super) fn new() -> Self {
        Names { table: Table::new(0, 0), hashes: Pages::new(1) }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The number of the element of this name.
    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        let place = self.table.find(&Key::new(Item::from(name)))?;
        Some(number_in(self.table.get(place)))
    }

    fn place(&self, number: u32) -> Place {
        let hash = self.hashes.row(number)[0];
        let place = self.table.find_by_hash(hash, |record| number_in(record) == number);
        place.expect("every element has a name")
    }

    /// The name of the element of this number.
    pub(super) fn get(&self, number: u32) -> Item<'_> {
        Item::decode(self.table.get(self.place(number))).0
    }

    /// Adds a name that is new; its number is the next.
    pub(super) fn push(&mut self, name: &[u8]) {
        let (key, number) = (Key::new(Item::from(name)), self.len() as u32);
        self.table.insert(&key, key.needle.size() + NUMBER, |record| {
            let at = key.needle.write(record);
            record[at..].copy_from_slice(&number.to_le_bytes());
        });
        self.hashes.push()[0] = key.hash();
    }

    /// Removes the name of a number; the last element takes the number.
    pub(super) fn swap_remove(&mut self, number: u32) {
        let last = self.len() as u32 - 1;
        self.table.remove(self.place(number));
        if number != last {
            let place = self.place(last);
            let record = self.table.get_mut(place);
            let at = size_of_first(record);
            record[at..at + NUMBER].copy_from_slice(&number.to_le_bytes());
        }
        self.hashes.swap_remove(number);
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.table.memory() - size_of_val(&self.table) + self.hashes.memory()
    }

    /// How many allocations they are made of.
    pub(super) fn weight(&self) -> usize {
        self.table.weight() + self.hashes.weight()
    }
}
