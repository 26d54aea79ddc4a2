//! Every locked crate builds with the Rust that Cargo.toml promises, as far as it declares.

use std::process::Command;

use serde_json::Value;

/// Crates that declare no minimum and use an edition that came after it; each with the reason why it may stay.
const REVIEWED: [(&str, &str); 0] = [];

/// The last edition that Rust 1.75 knows.
const EDITION: &str = "2021";

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(metadata["packages"].take()).unwrap()
}

/// `1.75` and `1.75.0` are the same.
fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap_or(0))
}

#[test]
fn no_locked_crate_needs_a_newer_rust() {
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    let mut newer = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let declared = package["rust_version"].as_str();
        let edition = package["edition"].as_str().unwrap();
        let fits = match declared {
            Some(minimum) => version(minimum) <= ours,
            None => edition <= EDITION || REVIEWED.iter().any(|(reviewed, _)| *reviewed == name),
        };
        if !fits {
            newer.push(format!(
                "{name} {}: {}",
                package["version"],
                declared.unwrap_or(edition)
            ));
        }
    }
    assert!(
        newer.is_empty(),
        "these need more than Rust {ours:?}; cargo update -p NAME --precise OLDER: {newer:#?}"
    );
}

#[test]
fn the_lock_file_has_the_version_that_this_rust_reads() {
    let lock = include_str!("../Cargo.lock");
    assert!(
        lock.contains("\nversion = 3\n"),
        "cargo 1.75 does not read lock files of version 4"
    );
}
