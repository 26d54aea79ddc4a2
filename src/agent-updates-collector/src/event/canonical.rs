//! Whether two JSON texts say the same.

use std::borrow::Cow;

use serde_json::Value;

/// The text without its spaces and with sorted keys. A text that has no value (a number without limits, half of a character)
/// stands for itself.
#[must_use]
pub fn canonical(json: &str) -> Cow<'_, str> {
    match serde_json::from_str::<Value>(json) {
        Ok(value) => Cow::Owned(value.to_string()),
        Err(_) => Cow::Borrowed(json),
    }
}

/// Whether two texts are the same but for spaces and the order of keys.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    left == right || canonical(left) == canonical(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_order_do_not_matter_and_values_do() {
        assert!(same(r#"{"a":1,"b":[1,2]}"#, "{ \"b\" : [1, 2],\n \"a\":1}"));
        assert!(!same(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#));
        assert!(same(r#"{"a":"\ud800"}"#, r#"{"a":"\ud800"}"#));
        assert!(!same(r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#));
    }
}
