//! Events of 700 bytes, each with an id of its own.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the ids are.
#[derive(Debug, Clone, Copy)]
pub enum Ids {
    /// In the order of time, as of UUID 7.
    Ordered,
    /// Anywhere, as of UUID 4.
    Random,
}

const AGENTS: u64 = 50;
const TASKS: u64 = 500;

pub fn agent_path(number: u64) -> String {
    format!("/v1/agents/%40agent-{}%40bench", number % AGENTS)
}

pub fn task_path(number: u64) -> String {
    format!("/v1/tasks/task-{}?order=desc", number % TASKS)
}

pub fn hook(way: usize, count: usize) -> String {
    format!(
        r#"{{"session_id":"5e551011-{way}","transcript_path":"/t","cwd":"/work","hook_event_name":"PostToolUse","tool_name":"Bash","tool_use_id":"toolu_{way}_{count}","tool_input":{{"command":"cargo test"}},"tool_response":{{"stdout":"{}"}}}}"#,
        "ok ".repeat(200)
    )
}

/// Makes events; makers with other seeds make others.
pub struct Maker {
    ids: Ids,
    state: u64,
    count: u64,
}

impl Maker {
    pub fn new(ids: Ids, seed: u64) -> Self {
        Self {
            ids,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            count: 0,
        }
    }

    /// xorshift64*.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Lines of events.
    pub fn batch(&mut self, lines: usize) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let time = jiff::Timestamp::from_microsecond(i64::try_from(now.as_micros()).unwrap()).unwrap();
        let mut text = String::with_capacity(lines * 710);
        for _ in 0..lines {
            self.line(&mut text, now.as_millis() as u64, time);
        }
        text
    }

    fn line(&mut self, text: &mut String, milliseconds: u64, time: jiff::Timestamp) {
        self.count += 1;
        let (high, low) = (self.random(), self.random());
        let (first, second) = match self.ids {
            Ids::Ordered => (milliseconds << 16 | 0x7000 | self.count & 0xfff, low),
            Ids::Random => (high, low),
        };
        let (agent, task) = (high % AGENTS, low % TASKS);
        let start = text.len();
        let _ = write!(
            text,
            r#"{{"version":"1.1.0","event_type":"activity.tool_use","timestamp":"{time}","agent_id":"@agent-{agent}@bench","event_id":"{:08x}-{:04x}-{:04x}-{:04x}-{:012x}","session_id":"session-{agent}-{}","source":"mcp","message":"Running the tests of the module","progress":0.5,"tool":{{"tool_name":"Bash","tool_input":{{"command":"cargo test --workspace"}},"duration_ms":{}}}"#,
            first >> 32,
            first >> 16 & 0xffff,
            first & 0xffff,
            second >> 48,
            second & 0xffff_ffff_ffff,
            self.count / 2000,
            low % 5000,
        );
        if self.count % 4 == 0 {
            let _ = write!(
                text,
                r#","context":{{"task_id":"task-{task}","branch_name":"task-{task}-work"}}"#
            );
        }
        text.push_str(r#","metadata":{"note":""#);
        let missing = 696_usize.saturating_sub(text.len() - start);
        text.extend(std::iter::repeat('x').take(missing));
        text.push_str("\"}}\n");
    }
}
