//! What expressions amount to while a script runs.

use crate::script::condition::Condition;

/// A value of a running script. Numbers, times and addresses are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// No value.
    Nothing,
    /// Text.
    Text(Vec<u8>),
    /// Several; the ids that a device's `find` answers with, among others.
    List(Vec<Data>),
    /// Items that are not looked up: what a recorder's `find` answers with.
    Found {
        /// Where they would be looked for.
        menu: String,
        /// Which ones.
        condition: Condition,
    },
}

impl Data {
    /// A number.
    pub fn number(number: i64) -> Self {
        Self::Text(number.to_string().into_bytes())
    }

    /// A truth value.
    pub fn truth(is_true: bool) -> Self {
        let word: &[u8] = if is_true { b"true" } else { b"false" };
        Self::Text(word.to_vec())
    }

    /// Items by their ids.
    pub fn ids<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        let ids = ids.into_iter().map(|id| Self::Text(id.as_bytes().to_vec()));
        Self::List(ids.collect())
    }

    /// The value as text, lists joined with `;` as scripts do. Items not looked up have none.
    pub fn text(&self) -> Option<Vec<u8>> {
        match self {
            Self::Nothing => Some(Vec::new()),
            Self::Text(text) => Some(text.clone()),
            Self::List(list) => {
                let texts: Option<Vec<_>> = list.iter().map(Self::text).collect();
                Some(texts?.join(&b';'))
            }
            Self::Found { .. } => None,
        }
    }

    /// One after the other, as `:foreach` sees it.
    pub(super) fn elements(self) -> Vec<Self> {
        match self {
            Self::Nothing => Vec::new(),
            Self::List(list) => list,
            // One that stands for all of them: what is done to each is done to all.
            Self::Text(_) | Self::Found { .. } => vec![self],
        }
    }
}
