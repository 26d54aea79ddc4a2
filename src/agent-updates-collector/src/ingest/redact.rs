//! Takes secrets out of events before they are stored.
//!
//! Two passes: one automaton over all words that could announce a secret, which most events leave with nothing found, and over
//! the others only the patterns that the words found belong to: `task-1` has `sk-`, and must not cost all of them. What replaces a secret keeps the JSON valid.

use std::borrow::Cow;

use aho_corasick::AhoCorasick;
use regex::{Captures, Regex};

/// What stands where a secret was.
pub const MASK: &str = "[redacted]";

/// What one kind of secret looks like.
struct Rule {
    /// Words, in small letters, of which one is in every text that the pattern matches.
    words: &'static [&'static str],
    /// The group `secret` is what goes. Letters of both cases are within `(?i-u:…)` only: the tables of Unicode's cases are not
    /// in the program.
    pattern: &'static str,
}

/// At most 32: the rules that a text needs are bits of one number.
const RULES: &[Rule] = &[
    // Keys and tokens that tell themselves by their form.
    Rule {
        words: &["akia", "asia"],
        pattern: r"\b(?P<secret>(?:AKIA|ASIA)[0-9A-Z]{16})\b",
    },
    Rule {
        words: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"],
        pattern: r"(?P<secret>\bgh[pousr]_[A-Za-z0-9]{20,255}|\bgithub_pat_[A-Za-z0-9_]{22,255}|\bglpat-[A-Za-z0-9_-]{20,64})",
    },
    Rule {
        words: &["sk-", "sk_live_", "xox", "npm_", "aiza"],
        pattern: r"\b(?P<secret>sk-[A-Za-z0-9_-]{20,255}|sk_live_[A-Za-z0-9]{16,255}|xox[abeprs]-[A-Za-z0-9-]{10,255}|npm_[A-Za-z0-9]{36}|AIza[A-Za-z0-9_-]{35})",
    },
    // JSON Web Tokens.
    Rule {
        words: &["eyj"],
        pattern: r"\b(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+)",
    },
    // Private keys, in JSON with \n for its line ends.
    Rule {
        words: &["private key"],
        pattern: r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?P<secret>[A-Za-z0-9+/=\\n\s:,.-]*?)-----END",
    },
    // Authorization headers.
    Rule {
        words: &["bearer ", "basic "],
        pattern: r"\b(?i-u:bearer|basic) (?P<secret>[A-Za-z0-9._~+/=-]{16,})",
    },
    // Passwords in addresses.
    Rule {
        words: &["://"],
        pattern: r#"://[^\s/:@"\\]{0,128}:(?P<secret>[^\s/@"\\]{1,256})@"#,
    },
    // Members whose name says that the value is secret, also in JSON within JSON.
    Rule {
        words: &[
            "passw",
            "passphrase",
            "secret",
            "apikey",
            "api_key",
            "api-key",
            "token",
            "credential",
            "privatekey",
            "private_key",
            "private-key",
        ],
        pattern: r#"(?i-u:[a-z0-9_-]{0,32}(?:passwd|password|passphrase|secret|api_?-?key|access_?-?token|auth_?-?token|refresh_?-?token|credentials?|private_?-?key)|"token)\\?"\s{0,4}:\s{0,4}\\?"(?P<secret>(?:[^"\\]|\\[^"])+)"#,
    },
    // Assignments, as in the environment or on a command line.
    Rule {
        words: &["passw", "secret", "apikey", "api_key", "token", "access_key"],
        pattern: r#"\b(?i-u:[a-z0-9_]{0,32}(?:passwd|password|secret|api_key|apikey|token|secret_key|access_key))=(?P<secret>[^\s"'\\&;]{4,256})"#,
    },
];

/// Finds and masks secrets.
#[derive(Debug)]
pub struct Redactor {
    words: AhoCorasick,
    /// For each word, the bit of its rule.
    rules: Vec<u32>,
    patterns: Vec<Regex>,
}

impl Redactor {
    /// Builds the automata.
    ///
    /// # Errors
    ///
    /// Never, as the rules are constants that the tests build.
    pub fn new() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let words = || {
            (0..)
                .zip(RULES)
                .flat_map(|(bit, rule)| rule.words.iter().map(move |word| (1 << bit, word)))
        };
        Ok(Self {
            words: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(aho_corasick::AhoCorasickKind::DFA))
                .build(words().map(|(_, word)| word))?,
            rules: words().map(|(rule, _)| rule).collect(),
            patterns: RULES
                .iter()
                .map(|rule| Regex::new(rule.pattern))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The text without its secrets; borrowed when it has none.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut result = Cow::Borrowed(text);
        let needed = self
            .words
            .find_overlapping_iter(text)
            .fold(0, |needed, word| needed | self.rules[word.pattern().as_usize()]);
        for (bit, pattern) in self.patterns.iter().enumerate() {
            if needed & 1 << bit == 0 {
                continue;
            }
            if let Cow::Owned(masked) = pattern.replace_all(&result, mask) {
                result = Cow::Owned(masked);
            }
        }
        result
    }
}

/// The match with the mask in the secret's place.
fn mask(found: &Captures<'_>) -> String {
    let (whole, secret) = (found.get(0), found.name("secret"));
    let (Some(whole), Some(secret)) = (whole, secret) else {
        return MASK.to_owned();
    };
    let text = whole.as_str();
    let (start, end) = (secret.start() - whole.start(), secret.end() - whole.start());
    format!("{}{MASK}{}", &text[..start], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_json_stays_valid() {
        let redactor = Redactor::new().unwrap();
        // Put together here, so that no scanner takes this file for a leak.
        let jwt = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0In0", "c2lnbmF0dXJl"].join(".");
        let pem = [
            "-----BEGIN RSA PRIVATE",
            " KEY-----\\nMIIEow\\nAbC=\\n-----END RSA PRIVATE",
            " KEY-----",
        ]
        .concat();
        for (secret, text) in [
            (["AKIA", "ABCDEFGHIJKLMNOP"].concat(), "{\"c\":\"aws $\"}"),
            (["ghp_", &"a1B2".repeat(9)].concat(), "{\"c\":\"git clone $\"}"),
            (["sk-ant-", &"a1-_".repeat(9)].concat(), "{\"c\":\"$\"}"),
            (jwt, "{\"c\":\"$\"}"),
            ("hunter2".to_owned(), "{\"db_password\" : \"$\"}"),
            ("hun\\nter2".to_owned(), "{\"clientSecret\":\"$\"}"),
            ("hunter2".to_owned(), "{\"c\":\"{\\\"api_key\\\":\\\"$\\\"}\"}"),
            ("hunter2".to_owned(), "{\"token\":\"$\"}"),
            ("hunter2".to_owned(), "{\"passphrase\":\"$\"}"),
            ("hunter2".to_owned(), "{\"private-key\":\"$\"}"),
            ("hunter2".to_owned(), "{\"c\":\"ACCESS_KEY=$ x\"}"),
            ("hunter2".to_owned(), "{\"c\":\"export DB_PASSWORD=$\\n\"}"),
            ("hunter2".to_owned(), "{\"c\":\"postgres://me:$@db/x\"}"),
            ("abcdefghijklmnopq".to_owned(), "{\"c\":\"Authorization: Bearer $\"}"),
        ] {
            let masked = redactor.redact(&text.replace('$', &secret)).into_owned();
            assert_eq!(masked, text.replace('$', MASK));
            serde_json::from_str::<serde_json::Value>(&masked).unwrap();
        }
        let masked = redactor.redact(&format!("{{\"c\":\"{pem}\"}}")).into_owned();
        assert!(!masked.contains("MIIEow") && masked.contains(MASK), "{masked}");
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        let redactor = Redactor::new().unwrap();
        for text in [
            r#"{"input_tokens":12,"max_tokens":"4096","message":"the token expired","u":"https://example.org/a:b@c"}"#,
            r#"{"description":"ask-before-you-deploy-the-new-service-please"}"#,
            r#"{"password":""}"#,
        ] {
            assert!(matches!(redactor.redact(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
