//! What a device calls itself.

use tod_proto::bus::sample::Observation;

use super::{Collector, Read, ReadError, row, text};
use crate::device::link::Answer;

/// Polls `/system/identity`.
#[derive(Debug)]
pub struct Identity;

impl Collector for Identity {
    const NAME: &'static str = "identity";
    const READS: &'static [Read] = &[Read {
        menu: "/system/identity",
        properties: &["name"],
    }];

    fn read(answers: &[Answer], seen: &mut Observation) -> Result<(), ReadError> {
        seen.identity = text(&row(answers, 0)?, "name");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use routeros::row::Row;

    use super::*;

    #[test]
    fn an_identity_in_another_encoding_is_kept_readable() {
        let answer = Answer {
            rows: [Row::new().with("name", b"B\xfcro")].into(),
            ..Answer::default()
        };
        let mut seen = Observation::default();

        let read = Identity::read(&[answer], &mut seen);

        assert_eq!(read, Ok(()));
        assert_eq!(seen.identity, Some("Büro".into()));
    }

    #[test]
    fn an_answer_without_a_row_is_an_error() {
        let mut seen = Observation::default();

        let read = Identity::read(&[Answer::default()], &mut seen);

        assert_eq!(read, Err(ReadError::Empty));
    }
}
