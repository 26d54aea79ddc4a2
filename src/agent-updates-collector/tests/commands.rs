//! The commands that work on a database's file.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs the program; its exit code and what it said on both outputs.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_agent-updates-collector"))
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", "sqlite://x.db")
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}

#[test]
fn events_are_imported_once_checked_and_copied() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lines = [
        include_str!("fixtures/event-v1.0.json"),
        "not json\n",
        include_str!("fixtures/event-v1.1.json"),
        "\r\n",
        // As an export or an archive has it: a hook, which has no key of its own.
        "{\"seq\":7,\"received_at\":\"2026-01-02T03:04:05Z\",\"event\":{\"session_id\":\"s\",\"hook_event_name\":\"Stop\"}}",
    ];
    fs::write(folder.join("events.ndjson"), lines.concat()).unwrap();
    let packed = zstd::encode_all(lines.concat().as_bytes(), 3).unwrap();
    fs::write(folder.join("events.ndjson.zst"), packed).unwrap();

    let (code, said) = run(folder, &["import", "events.ndjson"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 imported, 0 known, 1 rejected"), "{said}");
    assert!(said.contains("events.ndjson:2: invalid_json"), "{said}");
    let (_, said) = run(folder, &["import", "events.ndjson.zst"]);
    assert!(said.contains("0 imported, 3 known, 1 rejected"), "{said}");

    let whole = "ok, 3 events up to 3, schema 1";
    assert!(run(folder, &["verify"]).1.contains(whole));
    assert_eq!(
        run(folder, &["backup", "copy.db"]),
        (Some(0), format!("copy.db: {whole}\n"))
    );
    assert_eq!(
        run(folder, &["verify", "copy.db"]),
        (Some(0), format!("copy.db: {whole}\n"))
    );
    let (code, said) = run(folder, &["backup", "copy.db"]);
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert_eq!(
        run(folder, &["migrate", "--rebuild"]),
        (Some(0), "x.db: schema 1\n".to_owned())
    );
    assert!(run(folder, &["verify"]).1.contains(whole));
}

#[test]
fn a_missing_database_and_a_missing_file_are_one_line_each() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["verify"][..],
        &["backup", "copy.db"],
        &["import", "none.ndjson"],
        &["import", "/"],
    ] {
        let (code, said) = run(folder.path(), arguments);
        assert_eq!((code, said.lines().count()), (Some(1), 1), "{arguments:?}: {said}");
    }
}
