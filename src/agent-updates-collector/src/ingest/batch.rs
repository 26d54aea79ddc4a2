//! Splits a body into events: one JSON object, an array of them, or NDJSON (one object a line).

use std::borrow::Cow;
use std::fmt;
use std::str;

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tokio::task::yield_now;

use super::redact::Redactor;
use super::{Caps, Validation};
use crate::event::{parse, strict, Code, Record, Rejection, Tags};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How a body is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What it may hold.
    pub caps: Caps,
    /// How strictly events are checked.
    pub validation: Validation,
    /// Takes secrets out, if they shall not be stored.
    pub redactor: Option<&'a Redactor>,
    /// The collector's time, in microseconds since 1970, for events that have none.
    pub received_us: i64,
}

/// What a body held. A bad event never costs its neighbours.
#[derive(Debug, Default)]
pub struct Batch {
    /// The events that can be stored, in the body's order, each with its line (or its place in the array) from 1.
    pub events: Vec<(usize, Record)>,
    /// The others, in the body's order.
    pub rejections: Vec<(usize, Rejection)>,
}

/// The body holds more events than one request may.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyEvents;

/// Events that are read in one go, some 0.1 ms' worth: a short request that comes meanwhile waits for no more than that.
const SLICE: usize = 16;

impl Batch {
    /// Splits and checks a body. Lines count from 1; blank ones are skipped but counted.
    ///
    /// Gives way to other requests every few events, so that a large body does not keep its thread.
    ///
    /// # Errors
    ///
    /// When it holds more events than it may. Nothing else is an error of the whole.
    pub async fn read(body: &[u8], reading: Reading<'_>) -> Result<Self, TooManyEvents> {
        let mut batch = Self::default();
        for (index, slice) in batch.split(body, reading.caps.events)?.chunks(SLICE).enumerate() {
            if index > 0 {
                yield_now().await;
            }
            for (line, text) in slice {
                batch.push(*line, text, reading);
            }
        }
        Ok(batch)
    }

    /// Where the events are, each with its line or its place.
    fn split<'a>(&mut self, body: &'a [u8], most: usize) -> Result<Vec<(usize, &'a [u8])>, TooManyEvents> {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            return self.split_array(body, most);
        }
        // A single object may span lines. This stops at the end of the first one, so it costs NDJSON one line.
        if let Ok(whole) = serde_json::from_slice::<&RawValue>(body) {
            return Ok(vec![(1, whole.get().as_bytes())]);
        }
        let lines = (1..).zip(body.split(|byte| *byte == b'\n'));
        let lines: Vec<_> = lines
            .filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace))
            .take(most + 1)
            .collect();
        if lines.len() > most {
            return Err(TooManyEvents);
        }
        Ok(lines)
    }

    /// How many events the body held, good and bad.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len() + self.rejections.len()
    }

    /// Whether the body held nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of a broken array nothing is taken: where it breaks is where the sender broke off.
    fn split_array<'a>(&mut self, body: &'a [u8], most: usize) -> Result<Vec<(usize, &'a [u8])>, TooManyEvents> {
        let mut elements = Elements {
            texts: Vec::new(),
            most,
            exceeded: false,
        };
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = (&mut elements).deserialize(&mut json).and_then(|()| json.end());
        match read {
            _ if elements.exceeded => Err(TooManyEvents),
            Err(error) => {
                let code = if error.is_data() {
                    Code::InvalidEvent
                } else {
                    Code::InvalidJson
                };
                self.rejections.push((1, Rejection::new(code, error)));
                Ok(Vec::new())
            }
            Ok(()) => Ok((1..)
                .zip(elements.texts.into_iter().map(|text| text.get().as_bytes()))
                .collect()),
        }
    }

    fn push(&mut self, line: usize, text: &[u8], reading: Reading<'_>) {
        let text = str::from_utf8(text).map_err(|error| Rejection::new(Code::InvalidUtf8, error));
        match text.and_then(|text| read_event(text, reading)) {
            Ok(record) => self.events.push((line, record)),
            Err(rejection) => self.rejections.push((line, rejection)),
        }
    }
}

/// Checks one event, after its size and its depth.
///
/// # Errors
///
/// When it cannot be stored.
pub fn read_event(text: &str, reading: Reading<'_>) -> Result<Record, Rejection> {
    let Caps { event_bytes, depth, .. } = reading.caps;
    if text.len() > event_bytes {
        let message = format!("an event has at most {event_bytes} bytes");
        return Err(Rejection::new(Code::EventTooLarge, message));
    }
    if is_deeper(text, depth) {
        let message = format!("objects and arrays are nested more than {depth} deep");
        return Err(Rejection::new(Code::TooDeep, message));
    }
    // Before anything is read, so that no column has what the body has not.
    let clean = reading
        .redactor
        .map_or(Cow::Borrowed(text), |redactor| redactor.redact(text));
    let mut record = parse::parse(&clean, reading.received_us)?;
    if matches!(clean, Cow::Owned(_)) {
        record.tags.insert(Tags::REDACTED);
    }
    if reading.validation == Validation::Strict {
        strict::check(&record.body)?;
    }
    Ok(record)
}

/// Whether brackets are nested more than `most` deep. The parser skips what it does not read without counting.
fn is_deeper(text: &str, most: usize) -> bool {
    // Few texts have so many brackets at all, and counting them is quick.
    if text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count() <= most {
        return false;
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Collects an array's elements, up to a number: an array of a million zeros must not become a million pointers.
struct Elements<'de> {
    texts: Vec<&'de RawValue>,
    most: usize,
    exceeded: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Elements<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Elements<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(text) = elements.next_element()? {
            if self.texts.len() == self.most {
                self.exceeded = true;
                return Err(A::Error::custom("too many events"));
            }
            self.texts.push(text);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
