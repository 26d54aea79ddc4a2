//! A request's body: one JSON object, or NDJSON (one object a line).

use std::str;

use serde_json::value::RawValue;

use crate::event::{Code, Event, Rejection};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a body held. A bad event never costs its neighbours.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events that can be stored, in the body's order.
    pub events: Vec<Event>,
    /// The others, in the body's order.
    pub rejections: Vec<(usize, Rejection)>,
}

impl Batch {
    /// Splits and checks a body. Lines count from 1; blank ones are skipped but counted.
    #[must_use]
    pub fn parse(body: &[u8]) -> Self {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        let mut batch = Self::default();
        // A single object may span lines. This stops at the end of the first one, so it costs NDJSON one line.
        if let Ok(whole) = serde_json::from_slice::<&RawValue>(body) {
            batch.push(1, Event::parse(whole.get()));
            return batch;
        }
        for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
            match str::from_utf8(line) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => batch.push(index + 1, Event::parse(text)),
                Err(error) => batch.push(index + 1, Err(Rejection::new(Code::InvalidUtf8, error))),
            }
        }
        batch
    }

    /// Whether the body held nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.rejections.is_empty()
    }

    fn push(&mut self, line: usize, parsed: Result<Event, Rejection>) {
        match parsed {
            Ok(event) => self.events.push(event),
            Err(rejection) => self.rejections.push((line, rejection)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str =
        r#"{"version":"1.0.0","event_type":"git.merged","timestamp":"2026-01-02T03:04:05Z","agent_id":"@a@b"}"#;

    fn lines(batch: &Batch) -> Vec<usize> {
        batch.rejections.iter().map(|(line, _)| *line).collect()
    }

    #[test]
    fn an_object_over_several_lines_is_one_event() {
        let batch = Batch::parse(format!("\n{}\n", EVENT.replace(',', ",\n")).as_bytes());
        assert_eq!((batch.events.len(), lines(&batch)), (1, vec![]));
    }

    #[test]
    fn ndjson_takes_both_line_ends_blank_lines_a_mark_and_no_final_newline() {
        let batch = Batch::parse(format!("\u{feff}{EVENT}\r\n\r\n{EVENT}\n   \n{EVENT}").as_bytes());
        assert_eq!((batch.events.len(), lines(&batch)), (3, vec![]));
        assert!(batch.events.iter().all(|event| event.as_json() == EVENT));
    }

    #[test]
    fn a_bad_line_is_named_and_its_neighbours_are_kept() {
        let mut body = format!("{EVENT}\n\nnot json\n{EVENT}\n{{}}\n").into_bytes();
        body.extend_from_slice(b"{\"\xff\":1}\n");
        let batch = Batch::parse(&body);
        assert_eq!(batch.events.len(), 2);
        let codes: Vec<_> = batch
            .rejections
            .iter()
            .map(|(line, rejection)| (*line, rejection.code))
            .collect();
        assert_eq!(
            codes,
            [(3, Code::InvalidJson), (5, Code::InvalidEvent), (6, Code::InvalidUtf8)]
        );
    }

    #[test]
    fn nothing_is_empty() {
        for body in ["", "\n \r\n", "\u{feff}"] {
            assert!(Batch::parse(body.as_bytes()).is_empty(), "{body:?}");
        }
    }
}
