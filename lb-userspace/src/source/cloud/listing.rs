// SPDX-License-Identifier: MIT OR Apache-2.0
//! A list that comes in pages, and whether it can be believed. Pure. A list that contradicts itself is no list: what it
//! lacks would be taken away.

use std::collections::HashSet;

use crate::wire::Meta;

/// More items than any account has; what goes on behind that is not a list.
const ITEMS: usize = 200_000;

/// A list as far as it was read.
#[derive(Debug)]
pub(super) struct Listing<T> {
    items: Vec<T>,
    ids: HashSet<String>,
    cursors: HashSet<String>,
    total: Option<i64>,
}

/// How a list contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// An id stands in it twice: the list changed between two pages, or pages overlap.
    #[error("the id {id} stands in it twice")]
    Twice {
        /// The id.
        id: String,
    },
    /// A page leads back to one before.
    #[error("its pages lead in a circle")]
    Circle,
    /// A page without items is not the last.
    #[error("a page has no items, and is not the last")]
    EmptyPage,
    /// It says different sizes.
    #[error("it has {first} items on one page and {other} on another")]
    OtherTotal {
        /// As a page says.
        first: i64,
        /// As a later one says.
        other: i64,
    },
    /// It has fewer or more items than it says.
    #[error("it has {count} items and says {total}")]
    WrongTotal {
        /// The items that came.
        count: usize,
        /// What it says.
        total: i64,
    },
    /// The answer is about something else than what was asked for.
    #[error("it is about {found}, but {asked} was asked for")]
    Another {
        /// The id that was asked for.
        asked: String,
        /// The id in the answer.
        found: String,
    },
}

impl<T> Listing<T> {
    pub(super) fn new() -> Self {
        Self { items: Vec::new(), ids: HashSet::new(), cursors: HashSet::new(), total: None }
    }

    /// Takes a page, each item with its id; the cursor of the next, if there is one.
    pub(super) fn take(
        &mut self,
        page: Vec<(String, T)>,
        meta: Meta,
    ) -> Result<Option<String>, Contradiction> {
        let first = *self.total.get_or_insert(meta.total);
        if first != meta.total {
            return Err(Contradiction::OtherTotal { first, other: meta.total });
        }
        let empty = page.is_empty();
        for (id, item) in page {
            if let Some(id) = self.ids.replace(id) {
                return Err(Contradiction::Twice { id });
            }
            self.items.push(item);
        }
        let count = self.items.len();
        let next = meta.links.next;
        let complete = i64::try_from(count) == Ok(first);
        if next.is_empty() && complete {
            return Ok(None);
        }
        // A cursor behind the last item leads to an empty page, or nowhere; either is no reason to ask.
        if next.is_empty() || count > ITEMS || i64::try_from(count).is_ok_and(|count| count > first) {
            return Err(Contradiction::WrongTotal { count, total: first });
        }
        if empty {
            return Err(Contradiction::EmptyPage);
        }
        if !self.cursors.insert(next.clone()) {
            return Err(Contradiction::Circle);
        }
        Ok(Some(next))
    }

    /// The items, once there is no next page.
    pub(super) fn into_items(self) -> Vec<T> {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Links;

    /// Takes pages of ids, each with its total and next cursor, until the end or a contradiction.
    fn take(pages: &[(&[&str], i64, &str)]) -> Result<usize, Contradiction> {
        let mut listing = Listing::new();
        for (ids, total, next) in pages {
            let page = ids.iter().map(|id| ((*id).to_owned(), ())).collect();
            let links = Links { next: (*next).to_owned(), prev: String::new() };
            if listing.take(page, Meta { total: *total, links })?.is_none() {
                return Ok(listing.into_items().len());
            }
        }
        panic!("it does not end");
    }

    #[test]
    fn a_list_is_believed_if_it_is_whole() {
        assert_eq!(take(&[(&[], 0, "")]), Ok(0));
        assert_eq!(take(&[(&["a"], 1, "")]), Ok(1));
        assert_eq!(take(&[(&["a", "b"], 3, "x"), (&["c"], 3, "")]), Ok(3));
    }

    #[test]
    fn a_contradiction_is_named() {
        let twice = Contradiction::Twice { id: "a".to_owned() };
        assert_eq!(take(&[(&["a", "b"], 3, "x"), (&["a"], 3, "")]), Err(twice));
        let circle = take(&[(&["a"], 9, "x"), (&["b"], 9, "y"), (&["c"], 9, "x")]);
        assert_eq!(circle, Err(Contradiction::Circle));
        assert_eq!(take(&[(&[], 9, "x")]), Err(Contradiction::EmptyPage));
        let other = Contradiction::OtherTotal { first: 3, other: 2 };
        assert_eq!(take(&[(&["a"], 3, "x"), (&["b"], 2, "")]), Err(other));
        assert_eq!(take(&[(&["a"], 2, "")]), Err(Contradiction::WrongTotal { count: 1, total: 2 }));
        assert_eq!(take(&[(&["a"], 0, "")]), Err(Contradiction::WrongTotal { count: 1, total: 0 }));
        assert_eq!(take(&[(&["a", "b"], 1, "x")]), Err(Contradiction::WrongTotal { count: 2, total: 1 }));
    }
}
