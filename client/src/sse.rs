//! Server-sent events: bytes in, events out.

/// The longest event. A server that sends more is broken.
const MAX_EVENT: usize = 4 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// The `id:` field, if the event had one.
    pub(crate) id: Option<String>,
    /// The `data:` lines, joined.
    pub(crate) data: String,
}

/// An event is longer than [`MAX_EVENT`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Splits a stream of bytes into events, wherever the pieces are cut.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_cr: bool,
}

impl Parser {
    /// Takes a piece and returns the events that it completes.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for &byte in piece {
            // A line ends with LF, CR or CRLF.
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                byte => self.line.push(byte),
            }
            if self.line.len() + self.event.data.len() > MAX_EVENT {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            // A comment (an empty field) is a heartbeat: that bytes came is all it says.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &[u8] = b": hello\n\nid: 7\ndata: {\"a\":\ndata: 1}\r\n\r\ndata:x\n\nid: 8\n\n";

    fn expected() -> Vec<Event> {
        vec![
            Event {
                id: Some("7".into()),
                data: "{\"a\":\n1}".into(),
            },
            Event {
                id: None,
                data: "x".into(),
            },
        ]
    }

    #[test]
    fn comments_and_empty_events_are_left_out() {
        assert_eq!(Parser::default().feed(TEXT), Ok(expected()));
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_does_not_matter(cut in 0..TEXT.len(), other in 0..TEXT.len()) {
            let (a, b) = (cut.min(other), cut.max(other));
            let mut parser = Parser::default();
            let mut events = parser.feed(&TEXT[..a]).unwrap();
            events.extend(parser.feed(&TEXT[a..b]).unwrap());
            events.extend(parser.feed(&TEXT[b..]).unwrap());

            prop_assert_eq!(events, expected());
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = Parser::default();
        let piece = vec![b'x'; MAX_EVENT];

        assert!(parser.feed(&piece).is_ok());
        assert_eq!(parser.feed(b"xx"), Err(TooLong));
    }
}
