//! Names and versions as small numbers.

use std::collections::HashMap;

/// Strings as small numbers.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    ids: HashMap<Box<str>, u32>,
    strings: Vec<Box<str>>,
}

impl Interner {
    pub(crate) fn intern(&mut self, string: &str) -> u32 {
        if let Some(id) = self.ids.get(string) {
            return *id;
        }
        let id = self.strings.len() as u32;
        self.ids.insert(string.into(), id);
        self.strings.push(string.into());
        id
    }

    pub(crate) fn find(&self, string: &str) -> Option<u32> {
        self.ids.get(string).copied()
    }

    pub(crate) fn get(&self, id: u32) -> &str {
        &self.strings[id as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.strings.len()
    }
}
