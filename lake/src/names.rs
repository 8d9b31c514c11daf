//! Names that recur in row after row, stored once.

use std::collections::HashMap;

/// In place of a name's index: there is none.
pub(crate) const NONE: u32 = u32::MAX;

/// Names by index, in the order in which they were first met.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    texts: Vec<String>,
    index: HashMap<String, u32>,
    /// The name asked for last: neighbouring rows have the same ones.
    last: [u32; 2],
}

impl Names {
    /// The index of a name.
    pub(crate) fn of(&mut self, name: &str) -> u32 {
        for last in self.last {
            if self.texts.get(last as usize).is_some_and(|text| text == name) {
                return last;
            }
        }
        let at = match self.index.get(name) {
            Some(at) => *at,
            None => {
                let at = self.texts.len() as u32;
                self.texts.push(name.to_owned());
                self.index.insert(name.to_owned(), at);
                at
            }
        };
        self.last = [at, self.last[0]];
        at
    }

    /// The name at an index.
    pub(crate) fn text(&self, at: u32) -> &str {
        &self.texts[at as usize]
    }

    /// All names, by index.
    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Each name's place among all in the order of their bytes.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.texts.len() as u32).collect();
        order.sort_unstable_by_key(|at| self.text(*at));
        let mut ranks = vec![0; order.len()];
        for (rank, at) in order.into_iter().enumerate() {
            ranks[at as usize] = rank as u32;
        }
        ranks
    }
}
