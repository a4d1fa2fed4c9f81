//! The attributes of elements, by their numbers: JSON, to those who filter by it.

use super::super::thin::Thin;
use super::pages::Pages;

/// The attributes of those elements that have any.
#[derive(Clone, Default)]
pub(super) struct Attributes {
    /// Rows for the elements up to the last that ever had attributes; none while nobody has.
    rows: Option<Pages<Thin>>,
    count: usize,
    /// Bytes allocated for texts.
    bytes: usize,
}

impl Default for Thin {
    fn default() -> Self {
        Thin::new()
    }
}

impl Attributes {
    /// How many elements have attributes.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The attributes of an element; `None` when it has none.
    pub(super) fn get(&self, number: u32) -> Option<&[u8]> {
        let rows = self.rows.as_ref().filter(|rows| rows.len() > number as usize)?;
        Some(rows.row(number)[0].bytes()).filter(|text| !text.is_empty())
    }

    /// Gives an element attributes in place of those it has; an empty text takes them away.
    pub(super) fn set(&mut self, number: u32, text: &[u8]) {
        if text.is_empty() && self.get(number).is_none() {
            return;
        }
        let rows = self.rows.get_or_insert_with(|| Pages::new(1));
        while rows.len() <= number as usize {
            rows.push();
        }
        let attributes = &mut rows.row_mut(number)[0];
        self.count -= usize::from(attributes.len() > 0);
        self.bytes -= attributes.memory();
        *attributes = Thin::new();
        attributes.splice(0, 0, text.len(), 0).copy_from_slice(text);
        self.count += usize::from(!text.is_empty());
        self.bytes += attributes.memory();
        self.tidy();
    }

    /// Takes away the attributes of an element, and gives it those of the `last`, which takes its number.
    pub(super) fn swap_remove(&mut self, number: u32, last: u32) {
        self.set(number, b"");
        let Some(rows) = self.rows.as_mut().filter(|rows| rows.len() > number as usize) else { return };
        if rows.len() == last as usize + 1 {
            rows.swap_remove(number);
        }
    }

    fn tidy(&mut self) {
        if self.count == 0 {
            self.rows = None;
        }
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.bytes + self.rows.as_ref().map_or(0, Pages::memory)
    }

    /// How many allocations they are made of.
    pub(super) fn weight(&self) -> usize {
        self.count + self.rows.as_ref().map_or(0, Pages::weight)
    }
}
