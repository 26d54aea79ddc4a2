//! Tests of the splitting.

use std::cell::Cell;

use proptest::prelude::*;
use tokio::runtime::Builder;

use super::*;
use crate::event::EventKey;

const EVENT: &str =
    r#"{"version":"1.0.0","event_type":"git.merged","timestamp":"2026-01-02T03:04:05Z","agent_id":"@a@b"}"#;

const READING: Reading<'_> = Reading {
    caps: Caps {
        unpacked_bytes: 1 << 20,
        event_bytes: 1000,
        events: 10,
        depth: 128,
    },
    validation: Validation::Lenient,
    redactor: None,
    received_us: 0,
};

fn try_read(body: impl AsRef<[u8]>) -> Result<Batch, TooManyEvents> {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(Batch::read(body.as_ref(), READING))
}

fn read(body: impl AsRef<[u8]>) -> Batch {
    try_read(body).unwrap()
}

fn codes(batch: &Batch) -> Vec<(usize, Code)> {
    let rejections = batch.rejections.iter();
    rejections.map(|(line, rejection)| (*line, rejection.code)).collect()
}

fn code(text: &str) -> Option<Code> {
    read_event(text, READING).err().map(|rejection| rejection.code)
}

#[test]
fn an_object_over_several_lines_is_one_event() {
    let batch = read(format!("\n{}\n", EVENT.replace(',', ",\n")));
    assert_eq!((batch.events.len(), codes(&batch)), (1, vec![]));
}

#[test]
fn ndjson_takes_both_line_ends_blank_lines_a_mark_and_no_final_newline() {
    let batch = read(format!("\u{feff}{EVENT}\r\n\r\n{EVENT}\n   \n{EVENT}"));
    assert_eq!((batch.events.len(), codes(&batch)), (3, vec![]));
    assert!(batch.events.iter().all(|(_, event)| event.body == EVENT));
}

#[test]
fn a_bad_line_is_named_and_its_neighbours_are_kept() {
    let mut body = format!("{EVENT}\n\nnot json\n{EVENT}\n{{}}\n").into_bytes();
    body.extend_from_slice(b"{\"\xff\":1}\n");
    let batch = read(body);
    assert_eq!(batch.events.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(
        codes(&batch),
        [(3, Code::InvalidJson), (5, Code::MissingField), (6, Code::InvalidUtf8)]
    );
}

#[test]
fn an_array_counts_its_elements_and_keeps_the_good_ones() {
    let batch = read(format!(" [{EVENT},\n 7 ,{EVENT}]\n"));
    assert_eq!(batch.events.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(codes(&batch), [(2, Code::InvalidEvent)]);
    assert_eq!(codes(&read(format!("[{EVENT},"))), [(1, Code::InvalidJson)]);
    assert_eq!(codes(&read(format!("[{EVENT}] x"))), [(1, Code::InvalidJson)]);
    assert!(read("[]").is_empty());
}

#[test]
fn nothing_is_empty() {
    for body in ["", "\n \r\n", "\u{feff}"] {
        assert!(read(body).is_empty(), "{body:?}");
    }
}

#[test]
fn more_events_than_one_request_may_hold_are_an_error_in_every_form() {
    let lines = format!("{EVENT}\n").repeat(11);
    assert_eq!(try_read(lines).unwrap_err(), TooManyEvents);
    let array = format!("[{}0]", "0,".repeat(1_000_000));
    assert_eq!(try_read(array).unwrap_err(), TooManyEvents);
    assert_eq!(read(format!("{EVENT}\n").repeat(10)).events.len(), 10);
}

#[test]
fn others_have_their_turn_while_a_long_body_is_read() {
    let (body, turns) = (format!("{EVENT}\n").repeat(SLICE * 10), Cell::new(0));
    let mut reading = READING;
    reading.caps.events = SLICE * 10;
    let others = async {
        for turn in 1..1000 {
            turns.set(turn);
            yield_now().await;
        }
    };
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        tokio::select! {
            biased;
            batch = Batch::read(body.as_bytes(), reading) => assert_eq!(batch.unwrap().events.len(), SLICE * 10),
            () = others => {}
        }
    });
    assert_eq!(turns.get(), 9);
}

#[test]
fn an_event_is_kept_as_it_was_sent() {
    let sent = EVENT.replace('}', r#", "x" : {"y": 1e400, "z": "\ud800"}}"#);
    assert_eq!(read_event(&format!("  {sent}\r"), READING).unwrap().body, sent);
}

#[test]
fn unknown_namespaces_are_kept_and_tagged() {
    let record = read_event(&EVENT.replace("git.merged", "quality_gate.failed.twice"), READING).unwrap();
    assert!(record.tags.contains(Tags::UNKNOWN_NAMESPACE));
}

#[test]
fn text_that_is_not_json_is_told_from_json_that_is_no_event() {
    for text in ["{", "{]", &EVENT[1..], &format!("{EVENT} {EVENT}")] {
        assert_eq!(code(text), Some(Code::InvalidJson), "{text}");
    }
    for text in ["[]", "1", "null", r#"["1.0.0","a.b","2026-01-02T03:04:05Z","x"]"#] {
        assert_eq!(code(text), Some(Code::InvalidEvent), "{text}");
    }
}

#[test]
fn each_required_field_is_checked() {
    for (good, bad, expected) in [
        ("1.0.0", "1.0", Code::InvalidField),
        ("git.merged", "merged", Code::InvalidField),
        ("git.merged", ".merged", Code::InvalidField),
        ("git.merged", "git.", Code::InvalidField),
        ("05Z", "05", Code::InvalidField),
        ("2026-01-02", "2026-13-02", Code::InvalidField),
        ("@a@b", " ", Code::InvalidField),
        ("@a@b", "a\\u0000b", Code::InvalidField),
        ("\"@a@b\"", "7", Code::InvalidField),
        ("\"@a@b\"", "null", Code::MissingField),
        ("agent_id", "agent", Code::MissingField),
        ("}", ",\"agent_id\":\"x\"}", Code::InvalidEvent), // twice
    ] {
        assert_eq!(code(&EVENT.replace(good, bad)), Some(expected), "{good} -> {bad}");
    }
}

#[test]
fn optional_fields_of_the_wrong_kind_are_noted_and_nothing_else() {
    let more = r#","tool":"Bash","context":"because","progress":7,"status":"happy","session_id":["x"],"source":null}"#;
    let record = read_event(&EVENT.replace('}', more), READING).unwrap();
    assert!(record.tags.contains(Tags::INVALID_FIELD));
    assert_eq!((record.tool, record.session), (None, None));
}

#[test]
fn size_and_depth_have_caps() {
    let padded = |bytes: usize| EVENT.replace('}', &format!(",\"x\":\"{}\"}}", "y".repeat(bytes)));
    assert_eq!(code(&padded(2000)), Some(Code::EventTooLarge));
    let nested = |levels: usize| EVENT.replace('}', &format!(",\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels)));
    assert_eq!((code(&nested(127)), code(&nested(128))), (None, Some(Code::TooDeep)));
    let quoted = EVENT.replace('}', &format!(",\"x\":\"\\\"{}\"}}", "[".repeat(300)));
    assert_eq!(code(&quoted), None);
    // Far more than the stack would hold, in a field that is read.
    let bomb = EVENT.replace('}', &format!(",\"tool\":{}", "{\"a\":".repeat(100_000)));
    let reading = Reading {
        caps: Caps::default(),
        ..READING
    };
    assert_eq!(read_event(&bomb, reading).unwrap_err().code, Code::TooDeep);
}

#[test]
fn without_an_id_the_content_is_the_key_and_spaces_do_not_matter() {
    let key = |text: &str| read_event(text, READING).unwrap().key.unwrap();
    assert_eq!(key(EVENT), key(&EVENT.replace("\",", "\" , ")));
    assert_ne!(key(EVENT), key(&EVENT.replace("@a", "@c")));
    let with_id = EVENT.replace('}', ",\"event_id\":\"x\"}");
    assert_eq!(key(&with_id), EventKey::Text("x".to_owned()));
}

#[test]
fn secrets_are_gone_before_anything_is_read() {
    let redactor = Redactor::new().unwrap();
    let reading = Reading {
        redactor: Some(&redactor),
        ..READING
    };
    let sent = EVENT.replace('}', ",\"session_id\":\"x://u:hunter2@h\"}");
    let record = read_event(&sent, reading).unwrap();
    assert_eq!(record.session.as_deref(), Some("x://u:[redacted]@h"));
    assert!(!record.body.contains("hunter2") && record.tags.contains(Tags::REDACTED));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_every_line_is_accounted_for(body in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(batch) = try_read(&body) {
            prop_assert!(batch.len() <= 10);
        }
    }

    #[test]
    fn damage_to_a_good_event_never_panics(at in 0..EVENT.len(), byte in any::<u8>(), more in any::<String>()) {
        let mut body = EVENT.as_bytes().to_vec();
        body[at] = byte;
        let _ = try_read(&body);
        let _ = try_read(format!("{}{more}{}", &EVENT[..at], &EVENT[at..]));
    }
}
